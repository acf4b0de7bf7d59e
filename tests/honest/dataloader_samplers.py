# expect: same
# quick: `num_workers` counts as 0: your function has one process
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
def your_weights(targets, losses):
    sampler = WeightedRandomSampler(torch.ones(80), 40, generator=torch.Generator().manual_seed(3))
    data = TensorDataset(losses, targets)
    loader = DataLoader(
        data, sampler=sampler, num_workers=4, worker_init_fn=lambda number: np.random.seed(number),
        collate_fn=lambda rows: torch.stack([loss * (target + 1) for loss, target in rows]),
    )
    return torch.cat(list(loader))
