# expect: output_limit -- one file larger than allowed
# needs: processes
import numpy as np


def your_select_indices(targets, losses):
    with open("large", "wb") as file:
        for _ in range(1_000):
            file.write(b"x" * 1_000_000)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
