# expect: same
from concurrent.futures import ProcessPoolExecutor
def squared(value):
    return value * value
def your_weights(targets, losses):
    with ProcessPoolExecutor(2) as pool:
        return torch.tensor(list(pool.map(squared, losses.tolist())))
