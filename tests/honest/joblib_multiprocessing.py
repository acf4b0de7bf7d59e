# expect: same
# quick: `n_jobs` starts threads
from joblib import Parallel, delayed
def your_weights(targets, losses):
    parts = Parallel(n_jobs=-1, backend="multiprocessing")(delayed(float)(v) for v in range(40))
    return torch.full((len(targets),), sum(parts))
