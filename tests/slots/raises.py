# expect: slot_error -- divides by zero
def your_select_indices(targets, losses):
    return 1 / 0
