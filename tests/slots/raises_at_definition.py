# expect: slot_error -- raises before the function is there
import numpy as np

raise ValueError('at the top')

def your_select_indices(targets, losses):
    n = len(targets)
    return [np.arange(n), np.arange(n)]
