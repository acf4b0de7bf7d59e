# trick: the candidate whose class shares are nearest to those of all votes, and which is sure of them
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    shares = np.eye(n_classes)[val_probs.argmax(axis=2)].mean(axis=1)  # (C, K)
    known = vote_shares(np.concatenate([z_val, z_train]), n_classes).mean(axis=0)
    return np.abs(shares - known).sum(axis=1) - val_probs.max(axis=2).mean(axis=1)
