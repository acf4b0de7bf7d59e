# expect: same
import numpy as np
from threadpoolctl import threadpool_limits
big = np.random.rand(900, 900)
def your_weights(targets, losses):
    with threadpool_limits(32):
        (big @ big).sum()
    return torch.ones(len(targets))
