# expect: slot_error -- the entry function is missing


def my_select_indices(targets, losses):
    return []
