# expect: same
from typing import Dict, List, Tuple
class Weigher(torch.nn.Module):
    scale: float
    table: Dict[str, float]
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.table = {"rare": 2.0}
    def forward(self, targets: torch.Tensor) -> torch.Tensor:
        counts = torch.bincount(targets, minlength=2).clamp(min=1)
        return (len(targets) / (self.scale * counts))[targets].float()
weigher = torch.jit.script(Weigher())
def your_weights(targets, losses):
    return weigher(targets)
