# idea: imputation, and each batch dealt out greedily within the caps instead of the nearest distribution
# with: imputation, greedy
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    return greedy(log_gate + log_likelihood, eps_upper), q_t
