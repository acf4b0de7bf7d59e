# expect: same
import os
from concurrent.futures import ThreadPoolExecutor
torch.set_num_threads(4 * os.cpu_count())
big = torch.ones(600, 600)
def your_weights(targets, losses):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sums = list(pool.map(lambda v: float((big @ big)[0, 0]) + v, range(40)))
    return torch.tensor(sums)
