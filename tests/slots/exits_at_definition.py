# expect: slot_crashed -- leaves before the function is there, with success
import numpy as np
import os

os._exit(0)

def your_select_indices(targets, losses):
    n = len(targets)
    return [np.arange(n), np.arange(n)]
