# trick: the candidate whose predictions share most information with the annotators' answers
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    answers, risks = one_hot(z_val, n_classes), []
    for probs in val_probs:
        joint = np.einsum("nk,nal->akl", np.eye(n_classes)[probs.argmax(axis=1)], answers)
        joint = joint / joint.sum(axis=(1, 2), keepdims=True) + 1e-12
        product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=2, keepdims=True)
        risks.append(-(joint * np.log(joint / product)).sum())
    return np.array(risks)
