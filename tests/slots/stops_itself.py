# expect: time_limit -- stops like a process in a shell's background
import numpy as np
import os
import signal

def your_select_indices(targets, losses):
    os.kill(os.getpid(), signal.SIGSTOP)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
