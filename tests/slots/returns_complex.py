# expect: invalid_output -- returns an array of complex numbers
import numpy as np


def your_select_indices(targets, losses):
    return [np.ones(3, complex)] * 2
