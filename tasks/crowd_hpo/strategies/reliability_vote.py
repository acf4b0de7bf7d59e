# trick: the vote weighted by how often an annotator agrees with the vote, in training and validation
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    z = np.concatenate([z_val, z_train])
    votes = vote_shares(z, n_classes).argmax(axis=1)
    for _ in range(10):
        agrees = ((z == votes[:, None]) & (z >= 0)).sum(axis=0) / (z >= 0).sum(axis=0)  # (A,)
        votes = vote_shares(z, n_classes, (n_classes * agrees - 1).clip(1e-6)).argmax(axis=1)
    return (val_probs.argmax(axis=2) != votes[: len(z_val)]).mean(axis=1)
