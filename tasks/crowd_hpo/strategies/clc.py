# trick: the paper's criterion CLC as it stands in the notebook
def select_candidate(val_probs, z_val, z_train):
    return CLC(val_probs, z_val, z_train)
