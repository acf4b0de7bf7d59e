# expect: invalid_output -- returns an array of Python objects
import numpy as np


def your_select_indices(targets, losses):
    return [np.array([None, {}])] * 2
