# idea: doubt, shortage of a class and variety, and no thought of noise
# with: spread
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    counts = np.bincount(labelled_y, minlength=mc_probs.shape[2]).astype(float)  # (K,) which classes lack labels?
    return spread(mc_probs, embeddings, counts, np.ones(mc_probs.shape[1], dtype=bool), n_query)
