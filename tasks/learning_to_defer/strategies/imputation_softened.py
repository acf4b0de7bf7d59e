# trick: imputation without bounds, the posterior at temperature 3, so that work spreads
# with: imputation
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    return posterior(log_gate / 3, log_likelihood / 3), q_t
