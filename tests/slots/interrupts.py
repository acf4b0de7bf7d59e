# expect: slot_crashed -- raises what Ctrl-C raises
def your_select_indices(targets, losses):
    raise KeyboardInterrupt
