# trick: the lowest probability of the most probable class
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return highest(-mc_probs.mean(axis=0).max(axis=1), n_query)
