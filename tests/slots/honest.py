# expect: scored -- keeps every sample
import numpy as np


def your_select_indices(targets, losses):
    n = len(targets)
    return [np.arange(n), np.arange(n)]
