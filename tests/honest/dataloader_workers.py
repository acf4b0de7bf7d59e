# expect: same
# quick: `num_workers` counts as 0: your function has one process
from torch.utils.data import DataLoader, TensorDataset
done = []
def your_weights(targets, losses):
    if not done:
        loader = DataLoader(TensorDataset(losses, targets), batch_size=16, num_workers=2)
        done.append(sum(float(l.sum()) for l, t in loader))
    return torch.ones(len(targets))
