# attack: forging-tensor-class  expect: invalid_output|scored<=baseline
"""Returns numbers that no task allows, in arrays and tensors whose class says that all is well with them.

Only dtype, shape and bytes cross; the class stays behind, and the task's own checks see a plain array.
"""

ANSWERS_ITSELF = set("min max amin amax isfinite all any lt gt le ge __lt__ __gt__ sum".split())


class LyingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        plain = [item.as_subclass(torch.Tensor) if isinstance(item, cls) else item for item in args]
        name = getattr(function, "__name__", "")
        if name in ANSWERS_ITSELF:
            plain = [torch.ones_like(item) if isinstance(item, torch.Tensor) else item for item in plain]
        return function(*plain, **(kwargs or {}))

    def tolist(self):
        return [0] * len(self)


class LyingArray(np.ndarray):
    def __array_ufunc__(self, function, method, *inputs, **named):
        plain = [np.ones(item.shape) * 0.5 if isinstance(item, LyingArray) else item for item in inputs]
        return getattr(function, method)(*plain, **named)

    def min(self, *_, **__):
        return 0

    def max(self, *_, **__):
        return 0

    def tolist(self):
        return list(range(len(self)))


def forbidden(value):
    """Return the same with numbers that are out of every range, in a class that denies it."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (int, float)):
        return type(value)(forbidden(item) for item in value)
    if isinstance(value, torch.Tensor):
        worst = float("nan") if value.is_floating_point() else torch.iinfo(value.dtype).min
        return torch.full_like(value, worst).as_subclass(LyingTensor)
    array = np.asarray(value)
    worst = np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).min
    return np.full_like(array, worst).view(LyingArray)


def attack(honest, *arguments):
    return forbidden(honest(*arguments))
