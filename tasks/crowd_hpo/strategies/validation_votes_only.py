# idea: Dawid-Skene as in the reference, but on the validation votes alone
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    answers, labels = one_hot(z_val, n_classes), vote_shares(z_val, n_classes)
    for _ in range(100):
        confusion = np.einsum("nk,nal->akl", labels, answers, optimize=True)
        confusion /= np.maximum(confusion.sum(axis=2, keepdims=True), 1e-12)
        scores = np.log(labels.mean(axis=0) + 1e-12) + np.einsum("nal,akl->nk", answers, np.log(confusion + 1e-10), optimize=True)
        labels = np.exp(scores - scores.max(axis=1, keepdims=True))
        labels /= labels.sum(axis=1, keepdims=True)
    chosen = np.eye(n_classes)[val_probs.argmax(axis=2)]
    return 1 - np.einsum("cnk,nk->c", chosen, labels) / len(z_val)
