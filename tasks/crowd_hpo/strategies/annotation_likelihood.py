# trick: the candidate that, with confusion matrices made to fit it, explains the single answers best
def select_candidate(val_probs, z_val, z_train):
    n_classes, risks = val_probs.shape[2], []
    for probs in val_probs:
        counts = np.einsum("nk,nal->akl", probs, one_hot(z_val, n_classes), optimize=True) + 1 / n_classes
        chances = np.einsum("nk,akl->nal", probs, counts / counts.sum(axis=2, keepdims=True), optimize=True)
        given = np.take_along_axis(chances, z_val.clip(0)[..., None], axis=2)[..., 0]  # (N, A)
        risks.append(-(np.log(given + 1e-9) * (z_val >= 0)).sum())
    return np.array(risks)
