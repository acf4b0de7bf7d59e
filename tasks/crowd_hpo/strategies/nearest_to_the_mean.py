# trick: the candidate that agrees best with the mean of all candidates
def select_candidate(val_probs, z_val, z_train):
    together = val_probs.mean(axis=0).argmax(axis=1)  # (N,)
    return (val_probs.argmax(axis=2) != together).mean(axis=1)
