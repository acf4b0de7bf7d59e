# trick: the models of the experts stand in for missing answers, but nobody's load is bounded
# with: imputation
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    return posterior(log_gate, log_likelihood), q_t
