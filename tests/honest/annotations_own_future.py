# expect: same
from __future__ import annotations
import inspect
def scaled(power: float) -> float:
    return power
KIND = inspect.signature(scaled).parameters["power"].annotation
def your_weights(targets, losses):
    return torch.full((len(targets),), 2.0 if KIND == "float" else 1.0)
