# expect: slot_crashed -- reads address 0
import numpy as np
import ctypes

def your_select_indices(targets, losses):
    ctypes.string_at(0)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
