# trick: deal out each batch greedily within the caps; a missing answer is a wrong one
# with: greedy
def e_step(log_gate, log_expert, log_ai, y, t, eps_lower, eps_upper):
    scores = log_gate + answer_log_likelihood(log_ai, y, t)
    return greedy(scores, eps_upper), one_hot_answers(t, log_ai.shape[1])
