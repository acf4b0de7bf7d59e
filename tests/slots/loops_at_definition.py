# expect: time_limit -- never comes to the function
import numpy as np

while True:
    pass

def your_select_indices(targets, losses):
    n = len(targets)
    return [np.arange(n), np.arange(n)]
