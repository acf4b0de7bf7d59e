def within_bounds(q, eps_lower, eps_upper):
    q, factor = np.maximum(q, 1e-12), np.ones(q.shape[1])
    for _ in range(300):
        load = (q / (q @ factor)[:, None]).mean(axis=0)
        before, factor = factor, np.clip(load, eps_lower, eps_upper) / load
        if np.abs(factor / before - 1).max() < 1e-6:
            break
    q = q * factor
    return q / q.sum(axis=1, keepdims=True)
