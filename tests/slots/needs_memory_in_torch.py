# expect: memory_limit -- one tensor larger than allowed
import numpy as np
import torch

def your_select_indices(targets, losses):
    torch.ones(10**10)
    n = len(targets)
    return [np.arange(n), np.arange(n)]
