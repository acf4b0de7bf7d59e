# expect: invalid_output -- returns more than may cross
import numpy as np


def your_select_indices(targets, losses):
    return [np.ones(1 << 22)] * 2
