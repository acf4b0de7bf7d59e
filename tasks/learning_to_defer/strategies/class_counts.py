# stronger: missing answers from the accuracy that each expert has shown in the class so far, then the bounds
# with: bounds, imputation, class_accuracies
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, _ = imputed(log_expert, log_ai, y, t)
    right = np.column_stack([accuracies(y, t), np.exp(log_ai[np.arange(len(y)), y])])
    return within_bounds(posterior(log_gate, np.log(right + 1e-6)), eps_lower, eps_upper), q_t
