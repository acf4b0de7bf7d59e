# expect: same
import torch
torch.set_num_threads(32)
big = torch.randn(1200, 1200)
def your_weights(targets, losses):
    (big @ big).sum()
    return torch.ones(len(targets))
