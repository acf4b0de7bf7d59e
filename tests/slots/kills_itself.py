# expect: slot_crashed -- sends itself SIGKILL
import numpy as np
import os
import signal

def your_select_indices(targets, losses):
    os.kill(os.getpid(), signal.SIGKILL)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
