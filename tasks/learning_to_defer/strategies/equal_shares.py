# trick: every agent should answer every image equally much
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    n, agents = log_gate.shape
    return np.full((n, agents), 1 / agents), one_hot_answers(t, log_ai.shape[1])
