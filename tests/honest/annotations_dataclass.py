# expect: same
import dataclasses
@dataclasses.dataclass
class Settings:
    keep: float = 0.8
    warm: int = 3
def parse(cls, text):
    pairs = dict(item.split("=") for item in text.split(","))
    return cls(**{f.name: f.type(pairs[f.name]) for f in dataclasses.fields(cls)})
SETTINGS = parse(Settings, "keep=0.9,warm=2")
def your_weights(targets, losses):
    return torch.full((len(targets),), SETTINGS.keep)
