# stronger: the last net is half a voice in the labels; in the end the net's own sure answers label what nobody was asked about
def dawid_skene(z, iterations=50, prior=3):
    used = (z >= 0).any(axis=1)
    said = z[used][:, :, None] == np.arange(CLASSES)
    belief = said.sum(axis=1) / said.sum(axis=(1, 2))[:, None]
    for _ in range(iterations):
        counts = np.einsum("nk,nac->akc", belief, said)
        right = ((counts.trace(axis1=1, axis2=2) + 1) / (counts.sum(axis=(1, 2)) + 2))[:, None, None]
        confusion = counts + prior * np.where(np.eye(CLASSES) > 0, right, (1 - right) / (CLASSES - 1))
        confusion /= confusion.sum(axis=2, keepdims=True)
        logs = np.log(belief.mean(axis=0) + 0.01) + np.einsum("nac,akc->nk", said, np.log(confusion))
        belief = np.exp(logs - logs.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    labels = np.zeros((len(z), CLASSES))
    labels[used] = belief
    return labels, confusion


def query_pairs(z, probs, n_queries, seed):
    answers = (z >= 0).sum(axis=1)
    order = np.argsort(answers + np.random.default_rng(seed).random(len(z)))
    if answers.sum() < 2 * n_queries:
        return np.array([(sample, person) for sample in order for person in range(z.shape[1])])[:n_queries]
    expected = np.where(z < 0, probs @ dawid_skene(z)[1].diagonal(axis1=1, axis2=2).T, -1)
    samples = np.argsort(margins(probs) + 9 * (answers == z.shape[1]))[:n_queries]
    return np.stack([samples, expected[samples].argmax(axis=1)], axis=1)


def aggregate_labels(z, probs):
    labels, confusion = dawid_skene(z)
    if probs is None or (z >= 0).sum() < 4 * 64:
        return labels
    used = labels.any(axis=1)
    said = z[used][:, :, None] == np.arange(CLASSES)
    logs = 0.5 * np.log(probs[used] + 0.02) + np.einsum("nac,akc->nk", said, np.log(confusion))
    belief = np.exp(logs - logs.max(axis=1, keepdims=True))
    labels[used] = belief / belief.sum(axis=1, keepdims=True)
    if (z >= 0).sum() >= 7 * 64:
        sure = ~used & (margins(probs) > 0.8)
        labels[sure] = probs[sure]
    return labels
