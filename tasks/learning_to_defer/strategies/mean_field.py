# idea: the paper's mean field: q_z and q_t inferred from each other in ten rounds, then the bounds
# with: bounds
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    n, classes = log_ai.shape
    log_y = np.full((n, classes), np.log(SMOOTHING / classes))  # log p(y | t) for each t
    log_y[np.arange(n), y] = np.log(1 - SMOOTHING + SMOOTHING / classes)
    missing, given = (t < 0)[:, :, None], one_hot_answers(t, classes)
    q_t = np.where(missing, np.exp(log_expert), given)
    log_ai_right = answer_log_likelihood(log_ai, y, t)[:, -1]
    for _ in range(10):
        q_z = posterior(log_gate, np.column_stack([(q_t * log_y[:, None]).sum(axis=2), log_ai_right]))
        log_q_t = log_expert + q_z[:, :-1, None] * log_y[:, None]
        log_q_t = np.exp(log_q_t - log_q_t.max(axis=2, keepdims=True))
        q_t = np.where(missing, log_q_t / log_q_t.sum(axis=2, keepdims=True), given)
    return within_bounds(q_z, eps_lower, eps_upper), q_t
