# trick: the error against the majority vote, among the candidates that predict every class at least once
def select_candidate(val_probs, z_val, z_train):
    predicted = np.eye(val_probs.shape[2])[val_probs.argmax(axis=2)]  # (C, N, K)
    return AEU(val_probs, z_val, z_train) + (~predicted.any(axis=1)).any(axis=1)
