# expect: slot_error -- calls itself without end
def your_select_indices(targets, losses):
    return your_select_indices(targets, losses)
