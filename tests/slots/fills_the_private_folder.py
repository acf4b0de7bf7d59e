# expect: output_limit -- many files, each small enough
# needs: processes
import numpy as np


def your_select_indices(targets, losses):
    for number in range(1_000):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(b"x" * 1_000_000)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
