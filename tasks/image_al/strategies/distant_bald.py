# idea: doubt by BALD times the distance from what is labelled or chosen
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    doubt, chosen = bald(mc_probs), []
    nearest = np.min([np.linalg.norm(embeddings - point, axis=1) for point in labelled_embeddings], axis=0)
    for _ in range(n_query):
        scores = doubt * nearest
        scores[chosen] = -1
        chosen.append(int(scores.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(embeddings - embeddings[chosen[-1]], axis=1))
    return np.array(chosen)
