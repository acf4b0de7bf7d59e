def greedy(scores, eps_upper):
    free, q = np.ceil(eps_upper * len(scores)), np.zeros_like(scores)
    for index in np.argsort(-scores.max(axis=1)):  # the clearest cases first
        agent = np.where(free > 0, scores[index], -np.inf).argmax()
        free[agent] -= 1
        q[index, agent] = 1
    return q
