def imputed(log_expert, log_ai, y, t):
    n, classes = log_ai.shape
    q_t = np.where((t < 0)[:, :, None], np.exp(log_expert), one_hot_answers(t, classes))
    right = np.column_stack([q_t[np.arange(n), :, y], np.exp(log_ai[np.arange(n), y])])
    return q_t, np.log((1 - SMOOTHING) * right + SMOOTHING / classes)
