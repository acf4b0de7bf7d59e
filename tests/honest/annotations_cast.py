# expect: same
import functools, inspect
def coerced(function):
    kinds = {n: p.annotation for n, p in inspect.signature(function).parameters.items()}
    @functools.wraps(function)
    def wrapped(**given):
        return function(**{n: kinds[n](v) for n, v in given.items()})
    return wrapped
@coerced
def factor(power: float, base: int):
    return base ** power
def your_weights(targets, losses):
    w = factor(power="0.5", base="4")
    return torch.ones(len(targets)) * w
