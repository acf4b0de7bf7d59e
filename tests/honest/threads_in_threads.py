# expect: same
from multiprocessing.pool import ThreadPool
big = np.ones((400, 400))
def your_weights(targets, losses):
    with ThreadPool(8) as pool:
        sums = pool.map(lambda value: float((big @ big)[0, 0]) + value, losses.tolist())
    return torch.tensor(sums)
