# expect: invalid_output -- returns an integer of many digits
def your_select_indices(targets, losses):
    return 10**1000
