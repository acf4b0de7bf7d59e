# trick: the paper's rank ensemble ENS as it stands in the notebook
def select_candidate(val_probs, z_val, z_train):
    return ENS(val_probs, z_val, z_train)
