# expect: output_limit -- prints ten gigabytes
import numpy as np


def your_select_indices(targets, losses):
    for _ in range(10_000):
        print("x" * 1_000_000)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
