# expect: same
from typing import NamedTuple, get_type_hints
class Rates(NamedTuple):
    rare: float = 0.5
    often: int = 1
def parsed(cls, text):
    kinds = cls.__annotations__
    return cls(*(kind(word) for kind, word in zip(kinds.values(), text.split())))
RATES = parsed(Rates, "0.25 3")
def your_weights(targets, losses):
    assert get_type_hints(Rates)["often"] is int
    return torch.where(targets == 0, RATES.rare, float(RATES.often))
