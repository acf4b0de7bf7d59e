# trick: imputation without bounds, the posterior squared
# with: imputation
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    return posterior(2 * log_gate, 2 * log_likelihood), q_t
