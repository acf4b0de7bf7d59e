# trick: the paper's rank ensemble ENS as it stands in the appendix
def select_candidate(val_probs, z_val, z_train):
    equal, risks = vote_shares(z_val, val_probs.shape[2]), []
    for probs in val_probs:
        learnt = learnt_shares(probs, z_val)
        errors = [vote_error(probs, shares, confident) for shares in (equal, learnt) for confident in (False, True)]
        risks.append([*errors, *(answer_error(probs, z_val, shares) for shares in (np.ones_like(probs), equal, learnt))])
    risks = np.array(risks).T  # (criteria, C)
    return (risks[:, None] < risks[:, :, None]).sum(axis=2).mean(axis=0)


def vote_error(probs, shares, confident):
    weights = shares.max(axis=1) if confident else np.ones(len(shares))
    return ((probs.argmax(axis=1) != shares.argmax(axis=1)) * weights).sum() / weights.sum()


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
