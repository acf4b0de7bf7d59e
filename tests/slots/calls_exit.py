# expect: slot_crashed -- calls sys.exit
import numpy as np
import sys

def your_select_indices(targets, losses):
    sys.exit(3)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
