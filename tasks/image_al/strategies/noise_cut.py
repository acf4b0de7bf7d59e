# idea: a mixture of Gaussians, one for noise and one for each even digit, says what to omit; then doubt, rare classes and variety
def scaled_view(embeddings, probs, dims=10):
    """Return what tells noise from digits (U, dims + 2): main directions, length, and how much it looks like any even digit."""
    centred = embeddings - embeddings.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:dims]  # (dims, D)
    projected = centred @ directions.T
    length = np.log(np.linalg.norm(embeddings, axis=1) + 1e-3)
    length = (length - length.mean()) / length.std()
    even = np.log(probs + 1e-3)[:, 0::2].max(axis=1)
    return np.column_stack([projected / projected.std(axis=0).max(), length, even])


def log_densities(view, belongs):
    """Return the log density (U, groups) of each image in each group, a Gaussian fitted to those who belong to it."""
    found = np.zeros(belongs.shape)
    for group in range(belongs.shape[1]):
        weights = belongs[:, group] + 1e-9  # (U,)
        away = view - weights @ view / weights.sum()
        covariance = (weights[:, None] * away).T @ away / weights.sum() + 1e-2 * np.eye(view.shape[1])
        root = np.linalg.cholesky(covariance)
        squares = (np.linalg.solve(root, away.T) ** 2).sum(axis=0)
        found[:, group] = np.log(weights.sum() / len(view)) - 0.5 * squares - np.log(np.diag(root)).sum()
    return found


def likeness_to_noise(mc_probs, embeddings, steps=15):
    """Return a log density (U,), high for noise: a mixture of Gaussians, one for noise and one for each even digit, by EM."""
    probs = mc_probs.mean(axis=0)
    view = scaled_view(embeddings, probs)
    belongs = np.zeros((len(view), 6))  # column 0 is noise
    belongs[np.arange(len(view)), 1 + probs[:, 0::2].argmax(axis=1)] = 1
    odd = np.argsort(-probs[:, 1::2].sum(axis=1))  # the lies are even digits plus one, so the net takes noise for odd
    belongs[odd[: int(0.27 * len(view))]] = np.eye(6)[0]
    for _ in range(steps):
        densities = log_densities(view, belongs)
        belongs = np.exp(densities - densities.max(axis=1, keepdims=True))
        belongs /= belongs.sum(axis=1, keepdims=True)
    return densities[:, 0]


def query(mc_probs, embeddings, labelled_embeddings, labelled_y, n_query, seed):
    unlabelled, classes = mc_probs.shape[1:]
    probs, start = mc_probs.mean(axis=0), 40
    odd = labelled_y[:start] % 2 == 1  # the random labels: 3 odd ones are expected in the clean pool, 13 in the noisy one
    allowed, right = np.ones(unlabelled, bool), np.ones(len(labelled_y), bool)
    if odd.sum() >= 8:
        noisy = int(0.32 * (unlabelled + len(labelled_y) - start))
        allowed[np.argsort(-likeness_to_noise(mc_probs, embeddings))[:noisy]] = False
        right[:start] = ~odd  # most odd ones of the random labels are lies
    counts = np.bincount(labelled_y[right], minlength=classes).astype(float)
    doubt = 1.1 - margin(mc_probs)
    unit = embeddings / (np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-9)
    nearest, chosen = np.zeros(unlabelled), []  # cosine to the nearest chosen one
    for _ in range(n_query):
        scores = doubt * (probs @ (1 / (1 + counts))) * np.sqrt(1 - nearest)
        scores[~allowed] = -1
        chosen.append(int(scores.argmax()))
        allowed[chosen[-1]] = False
        counts += probs[chosen[-1]]
        nearest = np.maximum(nearest, np.clip(unit @ unit[chosen[-1]], 0, 1))
    return np.array(chosen)
