# expect: invalid_output -- returns a text that no encoding can write
def your_select_indices(targets, losses):
    return '\ud800'
