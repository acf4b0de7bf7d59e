# expect: slot_crashed -- the x32 number of a call, to slip past a filter
# needs: confinement
import numpy as np
import ctypes
import platform

def your_select_indices(targets, losses):
    ctypes.CDLL(None).syscall(0x40000000 + 39 if platform.machine() == 'x86_64' else 117, 0, 0, 0, 0)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
