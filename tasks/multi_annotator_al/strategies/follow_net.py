# idea: ask the person whose answers the last net agrees with most, without paying for overlap, and let them vote
def query_pairs(z, probs, n_queries, seed):
    if probs is None:
        return random_pairs(z, n_queries, seed)
    answers = (z >= 0).sum(axis=1)
    order = np.argsort(answers + np.random.default_rng(seed).random(len(z)))[:n_queries]
    agreed = (z == probs.argmax(axis=1)[:, None]).sum(axis=0) / np.maximum((z >= 0).sum(axis=0), 1)
    return np.stack([order, np.where(z[order] < 0, agreed, -1).argmax(axis=1)], axis=1)


def aggregate_labels(z, probs):
    return majority_vote(z)
