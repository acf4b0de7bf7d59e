# expect: same
from torch.utils.data import DataLoader, Dataset
class Squares(Dataset):
    def __len__(self):
        return 30
    def __getitem__(self, index):
        return float(index**2)
class Loader(DataLoader):
    def __init__(self, data, **options):
        super().__init__(data, batch_size=4, num_workers=3, **options)
def your_weights(targets, losses):
    return torch.cat(list(Loader(Squares())))
