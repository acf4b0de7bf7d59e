# trick: keep the bounds, and take a missing answer for right with a chance of 0.7
# with: bounds
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    log_likelihood = answer_log_likelihood(log_ai, y, t)
    log_likelihood[:, :-1] = np.where(t < 0, np.log(0.7), log_likelihood[:, :-1])
    q_z = posterior(log_gate, log_likelihood)
    return within_bounds(q_z, eps_lower, eps_upper), one_hot_answers(t, log_ai.shape[1])
