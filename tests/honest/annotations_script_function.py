# expect: same
from typing import List, Optional
@torch.jit.script
def weigh(targets: torch.Tensor, rates: List[float], top: Optional[int] = None) -> torch.Tensor:
    out = torch.zeros(targets.shape[0])
    for index in range(len(rates)):
        out = torch.where(targets == index, torch.full_like(out, rates[index]), out)
    return out
def your_weights(targets, losses):
    return weigh(targets, [0.5, 2.0])
