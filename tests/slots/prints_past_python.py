# expect: output_limit -- writes to the descriptor, and carries on whatever happens
import numpy as np
import os

def your_select_indices(targets, losses):
    for _ in range(1_000):
        os.write(2, b"x" * 65536)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
