# expect: scored -- a grandchild with its own session outlives the call
# needs: processes
import numpy as np
import os
import time

def your_select_indices(targets, losses):
    if not os.fork():
        os.setsid()
        if not os.fork():
            while True:
                time.sleep(1)
        os._exit(0)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
