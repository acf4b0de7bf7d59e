# idea: the reference with the exact posterior of the missing answers: who is chosen is taken to be right
# with: bounds, imputation
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    n, classes = log_ai.shape
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    q_z = within_bounds(posterior(log_gate, log_likelihood), eps_lower, eps_upper)
    weight = np.full((n, 1, classes), SMOOTHING / classes)
    weight[np.arange(n), 0, y] += 1 - SMOOTHING
    if_chosen = q_t * weight / (q_t * weight).sum(axis=2, keepdims=True)
    share = q_z[:, :-1, None]
    return q_z, np.where((t < 0)[:, :, None], share * if_chosen + (1 - share) * q_t, q_t)
