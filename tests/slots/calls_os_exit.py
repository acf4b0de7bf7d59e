# expect: slot_crashed -- leaves without a word, with success
import numpy as np
import os

def your_select_indices(targets, losses):
    os._exit(0)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
