# expect: invalid_output -- returns a list inside itself
def your_select_indices(targets, losses):
    answer = []
    answer.append(answer)
    return answer
