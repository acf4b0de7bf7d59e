# expect: slot_crashed -- asks the kernel to trace its parent
# needs: confinement
import numpy as np
import ctypes
import os

def your_select_indices(targets, losses):
    ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
