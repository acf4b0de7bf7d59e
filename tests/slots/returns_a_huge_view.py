# expect: invalid_output -- returns a view of 8 bytes that claims to be 8 TB
import numpy as np


def your_select_indices(targets, losses):
    return [np.broadcast_to(np.ones(1), (10**12,))] * 2
