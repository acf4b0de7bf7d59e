# trick: keep the bounds (nearest in KL divergence), but take a missing answer for a wrong one
# with: bounds
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_z = posterior(log_gate, answer_log_likelihood(log_ai, y, t))
    return within_bounds(q_z, eps_lower, eps_upper), one_hot_answers(t, log_ai.shape[1])
