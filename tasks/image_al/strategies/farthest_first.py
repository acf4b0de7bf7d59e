# trick: no doubt, only variety: always the image farthest from all labelled and chosen ones (core-set, Sener & Savarese, 2018)
def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    def distances(point):
        return ((embeddings - point) ** 2).sum(axis=1)

    nearest, chosen = np.min([distances(point) for point in labelled_embeddings], axis=0), []
    for _ in range(n_query):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances(embeddings[chosen[-1]]))
    return np.array(chosen)
