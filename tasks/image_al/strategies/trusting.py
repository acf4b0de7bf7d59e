# idea: doubt, shortage of a class and variety, and no thought of noise
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    probs, classes = mc_probs.mean(axis=0), mc_probs.shape[2]  # (U, K)
    counts = np.bincount(labelled_y, minlength=classes).astype(float)  # (K,) which classes lack labels?
    allowed = np.ones(len(probs), dtype=bool)
    unit = embeddings / (np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-9)
    doubt, nearest, chosen = 1.1 - margin(mc_probs), np.zeros(len(probs)), []  # nearest: cosine to the nearest chosen one
    for _ in range(n_query):
        scores = doubt * (probs @ (1 / (1 + counts))) * (1 - nearest)
        best = int(np.where(allowed, scores, -1).argmax())
        chosen.append(best)
        allowed[best] = False
        counts += probs[best]
        nearest = np.maximum(nearest, unit @ unit[best])  # do not ask the same question twice
    return np.array(chosen)
