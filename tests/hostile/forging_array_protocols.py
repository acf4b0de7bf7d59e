# attack: forging-array-protocols  expect: invalid_output
"""Returns no array at all, but something that every library would take for one: numpy's, torch's, Python's
protocols.
"""

import ctypes


class Pretends:
    """An array in every protocol there is, each time with other numbers in it."""

    dtype, ndim, shape, size = np.dtype("f8"), 1, (3,), 3
    is_quantized, layout, requires_grad = False, "strided", False

    def __init__(self):
        self.memory = (ctypes.c_double * 3)(1.0, 2.0, 3.0)
        self.asked = 0

    def __array__(self, *_, **__):
        self.asked += 1
        return np.full(3, float(self.asked))

    @property
    def __array_interface__(self):
        place = ctypes.addressof(self.memory), False
        return {"shape": (1 << 30,), "typestr": "<f8", "data": place, "version": 3}

    def __dlpack__(self, **_):
        return torch.zeros(1 << 20).__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)

    def __len__(self):
        return 3

    def __iter__(self):
        return iter([float("nan")] * 3)

    def __getitem__(self, place):
        return reached  # a function, in place of a number

    def __float__(self):
        return float("inf")

    def __index__(self):
        return 1 << 62

    def detach(self):
        return self

    cpu = resolve_neg = contiguous = numpy = tolist = detach
    __class__ = torch.Tensor


def attack(honest, *arguments):
    return Pretends()
