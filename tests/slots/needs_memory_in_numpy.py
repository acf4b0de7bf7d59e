# expect: memory_limit -- one array larger than allowed
import numpy as np


def your_select_indices(targets, losses):
    np.ones(10**10)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
