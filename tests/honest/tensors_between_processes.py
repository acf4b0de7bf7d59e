# expect: same
import torch.multiprocessing as mp
def doubled(part):
    return part * 2
def your_weights(targets, losses):
    with mp.Pool(2) as pool:
        return torch.cat(pool.map(doubled, list(losses.split(20))))
