# idea: doubt by BALD times the shortage of a class
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    probs, chosen = mc_probs.mean(axis=0), []
    value = bald(mc_probs)
    counts = np.bincount(labelled_y, minlength=probs.shape[1]).astype(float)
    for _ in range(n_query):
        scores = value * (probs @ (1 / (counts + 1)))
        scores[chosen] = -np.inf
        chosen.append(int(scores.argmax()))
        counts += probs[chosen[-1]]
    return np.array(chosen)
