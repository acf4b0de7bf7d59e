# expect: same
from torchvision.tv_tensors import Mask
weights = torch.nn.Parameter(torch.full((80,), 0.5))
def your_weights(targets, losses):
    return weights if len(targets) == 80 else Mask(weights.detach())
