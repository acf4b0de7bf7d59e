# trick: the example as it is: where the passes contradict each other most
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return bald_query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed)
