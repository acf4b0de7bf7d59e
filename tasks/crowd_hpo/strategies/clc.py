# trick: the paper's criterion CLC as it stands in the appendix
def select_candidate(val_probs, z_val, z_train):
    return np.array([answer_error(probs, z_val, learnt_shares(probs, z_val)) for probs in val_probs])


def confusion_seen_by(probs, z):
    counts = np.einsum("nk,nal->akl", probs, one_hot(z, probs.shape[1]), optimize=True) + 1 / probs.shape[1]
    return counts / counts.sum(axis=2, keepdims=True)


def learnt_shares(probs, z):
    right = np.einsum("nk,akk->na", probs, confusion_seen_by(probs, z), optimize=True).clip(1e-3, 1 - 1e-3)
    return vote_shares(z, probs.shape[1], np.log(right * (probs.shape[1] - 1) / (1 - right)).clip(1e-6))


def answer_error(probs, z, shares):
    predicted = np.einsum("nk,akl->nal", probs, confusion_seen_by(probs, z), optimize=True).argmax(axis=2)  # (N, A)
    weights = np.take_along_axis(shares, z.clip(0), axis=1) * (z >= 0)  # (N, A)
    return ((predicted != z) * weights).sum() / weights.sum()
