# trick: the example as it is: highest entropy of the mean of the passes
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return entropy_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
