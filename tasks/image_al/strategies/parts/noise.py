def log_density(points, members):
    """Return the log density (n,) of points (n, D), up to a constant, under a Gaussian fitted to some of them."""
    mean, spread = members.mean(axis=0), np.cov(members.T) + 0.01 * np.eye(points.shape[1])
    away = points - mean
    return -0.5 * (away * np.linalg.solve(spread, away.T).T).sum(axis=1) - 0.5 * np.linalg.slogdet(spread)[1]


def find_noise(probs, embeddings, share=0.3, steps=10):
    """Return the positions of the images that look most like noise: all noise looks alike, and digits do not."""
    centred = embeddings - embeddings.mean(axis=0)
    view = centred @ np.linalg.svd(centred, full_matrices=False)[2][:10].T  # (U, 10) its main directions
    view /= view.std(axis=0).max()
    likeness = probs[:, 1::2].sum(axis=1)  # lies about even digits are odd labels, so the network calls noise odd
    for _ in range(steps):
        noise, digits = np.split(np.argsort(-likeness), [int(share * len(view))])
        likeness = log_density(view, view[noise]) - log_density(view, view[digits])
    return np.argsort(-likeness)[: int((share + 0.02) * len(view))]
