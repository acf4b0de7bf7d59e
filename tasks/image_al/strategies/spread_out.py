# stronger: the reference that also keeps the images of a batch apart
# with: noise, spread
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    classes, first = mc_probs.shape[2], labelled_y[:40]
    odd = first[first % 2 == 1]  # of the random labels, 3 are odd in the clean pool and about 13 in the noisy one
    counts = np.bincount(labelled_y, minlength=classes).astype(float)  # (K,) which classes lack labels?
    allowed = np.ones(mc_probs.shape[1], dtype=bool)
    if len(odd) >= 8:  # this is the noisy pool, and most of these labels are lies
        counts -= np.bincount(odd, minlength=classes)
        allowed[find_noise(mc_probs.mean(axis=0), embeddings)] = False
    return spread(mc_probs, embeddings, counts, allowed, n_query)
