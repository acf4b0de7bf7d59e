def spread(mc_probs, embeddings, counts, allowed, n_query):
    """Return the positions of doubtful images, of classes that lack labels and unlike each other; `counts` (K,), `allowed` (U,)."""
    probs = mc_probs.mean(axis=0)  # (U, K)
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
