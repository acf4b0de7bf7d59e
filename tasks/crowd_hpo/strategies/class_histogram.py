# trick: the candidate whose class shares are nearest to equal ones, and which is sure of them; the answers are not read
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    shares = np.eye(n_classes)[val_probs.argmax(axis=2)].mean(axis=1)  # (C, K)
    return np.abs(shares - 1 / n_classes).sum(axis=1) - val_probs.max(axis=2).mean(axis=1)
