# trick: the example as it is: long gradients in different directions
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return badge_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
