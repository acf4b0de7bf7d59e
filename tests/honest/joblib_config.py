# expect: same
# quick: `n_jobs` starts threads
from joblib import Parallel, delayed, parallel_config
def root(value):
    return value ** 0.5
def your_weights(targets, losses):
    with parallel_config(backend="loky", n_jobs=3, inner_max_num_threads=1):
        parts = Parallel(prefer="processes")(delayed(root)(float(v)) for v in losses)
    return torch.tensor(parts)
