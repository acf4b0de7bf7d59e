# expect: scored -- prints while it is defined and in the call, with a colour code
import numpy as np

print('defined', '\x1b[31m')

def your_select_indices(targets, losses):
    print("called")
    n = len(targets)
    return [np.arange(n), np.arange(n)]
