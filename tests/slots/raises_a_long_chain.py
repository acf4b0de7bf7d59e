# expect: slot_error -- an exception with ten thousand causes
def your_select_indices(targets, losses):
    error = ValueError("first")
    for number in range(10_000):
        later = ValueError(f"number {number}")
        later.__cause__ = error
        error = later
    raise error
