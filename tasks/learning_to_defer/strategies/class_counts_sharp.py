# stronger: an optimal plan by expected accuracy in the class, without the gate's habits
# with: bounds, imputation, class_accuracies
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    q_t, _ = imputed(log_expert, log_ai, y, t)
    right = np.column_stack([accuracies(y, t), np.exp(log_ai[np.arange(len(y)), y])])
    return within_bounds(np.exp((right - 1) / 0.05), eps_lower, eps_upper), q_t
