# expect: same
# quick: `num_workers` counts as 0: your function has one process
from torch.utils.data import DataLoader, TensorDataset
def your_weights(targets, losses):
    loader = DataLoader(
        TensorDataset(losses), 16, False, None, None, 2, pin_memory=False, timeout=5, prefetch_factor=4,
        persistent_workers=True, multiprocessing_context="fork",
    )
    return torch.cat([part for _ in range(2) for (part,) in loader])
