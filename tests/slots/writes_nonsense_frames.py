# expect: invalid_output -- writes bytes of its own to the inherited socket
import numpy as np
import os

def your_select_indices(targets, losses):
    os.write(3, b'nonsense' * 100)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
