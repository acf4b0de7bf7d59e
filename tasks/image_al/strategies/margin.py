# trick: the example as it is: smallest margin of the mean of the passes
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return margin_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
