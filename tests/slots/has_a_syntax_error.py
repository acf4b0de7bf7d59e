# expect: slot_error -- cannot be compiled


def your_select_indices(targets, losses)
    return []
