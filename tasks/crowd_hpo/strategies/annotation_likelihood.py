# trick: the candidate that, with confusion matrices made to fit it, explains the single answers best
def select_candidate(val_probs, z_val, z_train):
    risks = []
    for probs in val_probs:
        chances = np.einsum("nk,akl->nal", probs, confusion_seen_by(probs, z_val))  # (N, A, K)
        given = np.take_along_axis(chances, z_val.clip(0)[..., None], axis=2)[..., 0]
        risks.append(-(np.log(given + 1e-9) * (z_val >= 0)).sum())
    return np.array(risks)
