# expect: invalid_output -- returns something that is not data
def your_select_indices(targets, losses):
    return (index for index in range(3))
