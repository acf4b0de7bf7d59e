# expect: slot_crashed -- closes every descriptor and carries on
import numpy as np
import os

def your_select_indices(targets, losses):
    os.closerange(0, 1000)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
