# trick: imputation, with the caps in the place of the gate instead of bounds
# with: imputation
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, log_likelihood = imputed(log_expert, log_ai, y, t)
    return posterior(np.log(eps_upper), log_likelihood), q_t
