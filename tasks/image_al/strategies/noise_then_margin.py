# idea: half of the reference: noise is omitted, and then the smallest margin counts alone
# with: noise
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    probs, allowed = mc_probs.mean(axis=0), np.ones(mc_probs.shape[1], dtype=bool)
    if (labelled_y[:40] % 2 == 1).sum() >= 8:
        allowed[find_noise(probs, embeddings)] = False
    return highest(np.where(allowed, -margin(mc_probs), -2), n_query)
