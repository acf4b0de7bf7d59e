# expect: same
# quick: `n_jobs` starts threads
from joblib import Parallel, delayed
def square(v):
    return v * v
def your_weights(targets, losses):
    parts = Parallel(n_jobs=2)(delayed(square)(v) for v in (1.0, 1.0))
    return torch.ones(len(targets)) * sum(parts)
