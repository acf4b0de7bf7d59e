# expect: same
# quick: `num_workers` counts as 0: your function has one process
import os
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
class Stream(IterableDataset):
    def __init__(self, values):
        self.values = values
    def __iter__(self):
        info = get_worker_info()
        begin, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(self.values[begin::step].tolist())
def your_weights(targets, losses):
    loader = DataLoader(Stream(losses), batch_size=8, num_workers=os.cpu_count())
    return torch.sort(torch.cat(list(loader))).values.float()
