# trick: no doubt, only balance: the images that most probably are of the classes with the fewest labels
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    probs = mc_probs.mean(axis=0)
    counts = np.bincount(labelled_y, minlength=probs.shape[1])
    return highest(probs @ (1 / (counts + 1)), n_query)
