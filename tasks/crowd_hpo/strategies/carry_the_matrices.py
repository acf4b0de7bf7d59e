# stronger: confusion matrices from the training votes, carried over to the validation votes; expected balanced error
def select_candidate(val_probs, z_val, z_train):
    n_classes = val_probs.shape[2]
    answers, labels = one_hot(z_train, n_classes), vote_shares(z_train, n_classes)
    for _ in range(100):
        confusion = np.einsum("nk,nal->akl", labels, answers, optimize=True) + 0.02  # what was never seen may still happen
        confusion /= confusion.sum(axis=2, keepdims=True)
        labels = posterior(answers, confusion, labels.mean(axis=0))
    labels = posterior(one_hot(z_val, n_classes), confusion, labels.mean(axis=0))  # (N, K)
    hits = np.einsum("cnk,nk->ck", np.eye(n_classes)[val_probs.argmax(axis=2)], labels)
    return 1 - (hits / np.maximum(labels.sum(axis=0), 1e-9)).mean(axis=1)


def posterior(answers, confusion, prior):
    scores = np.log(prior + 1e-12) + np.einsum("nal,akl->nk", answers, np.log(confusion), optimize=True)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    return chances / chances.sum(axis=1, keepdims=True)
