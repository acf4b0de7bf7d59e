# trick: keep the bounds, and for a missing answer take the expert's accuracy over all classes
# with: bounds
seen, hits = np.full(3, 2.0), np.ones(3)


def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    global seen, hits
    seen, hits = seen + (t >= 0).sum(axis=0), hits + (t == y[:, None]).sum(axis=0)
    log_likelihood = answer_log_likelihood(log_ai, y, t)
    log_likelihood[:, :-1] = np.where(t < 0, np.log(hits / seen), log_likelihood[:, :-1])
    q_z = posterior(log_gate, log_likelihood)
    return within_bounds(q_z, eps_lower, eps_upper), one_hot_answers(t, log_ai.shape[1])
