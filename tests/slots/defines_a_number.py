# expect: slot_error -- the entry's name is not a function
your_select_indices = 3
