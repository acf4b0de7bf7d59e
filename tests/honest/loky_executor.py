# expect: same
from joblib.externals.loky import ProcessPoolExecutor
def doubled(value):
    return value * 2
def your_weights(targets, losses):
    with ProcessPoolExecutor(max_workers=2) as pool:
        return torch.tensor(list(pool.map(doubled, losses.tolist(), chunksize=40)))
