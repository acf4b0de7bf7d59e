# expect: slot_error -- an exception with 100 MB of text
def your_select_indices(targets, losses):
    raise ValueError('x' * 100_000_000)
