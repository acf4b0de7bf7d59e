# trick: BALD with its sign flipped, a bug that was really published: where the passes agree most
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    return highest(-bald(mc_probs), n_query)
