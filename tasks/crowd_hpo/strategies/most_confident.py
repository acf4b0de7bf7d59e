# trick: the candidate that is surest of its predictions
def select_candidate(val_probs, z_val, z_train):
    return -val_probs.max(axis=2).mean(axis=1)
