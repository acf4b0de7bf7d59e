# attack: forging-two-faces  expect: scored=honest|invalid_output
"""Returns lists, dicts, numbers and arrays that are honest when they are first looked at, and something else
ever after.

They are looked at once, here, to be sent; what the trainer checks is what it uses.
"""


def looks_at(thing):
    thing.looks = getattr(thing, "looks", 0) + 1
    return thing.looks


class List(list):
    def __iter__(self):
        return iter(list.copy(self) if looks_at(self) == 1 else [])

    def __getitem__(self, place):
        return list.__getitem__(self, place) if looks_at(self) == 1 else None


class Tuple(tuple):
    def __iter__(self):
        return iter(tuple(tuple.__getitem__(self, slice(None))) if looks_at(self) == 1 else ())


class Dict(dict):
    def items(self):
        return dict.items(self) if looks_at(self) == 1 else {}.items()


class Int(int):
    def __eq__(self, other):
        return True

    __le__ = __lt__ = __ge__ = __gt__ = __eq__
    __hash__ = int.__hash__

    def __index__(self):
        return int.__int__(self) + 1_000_000

    def __repr__(self):
        return "0, 0, 0"


class Float(float):
    def __repr__(self):
        return "1e999"

    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Text(str):
    def __repr__(self):
        return '"]]'

    def __str__(self):
        return str.__str__(self)


class Array(np.ndarray):
    def __getitem__(self, place):
        return super().__getitem__(place) if looks_at(self) <= 9 else self * 0

    def astype(self, *_, **__):
        return np.zeros(np.shape(self))

    def tolist(self):
        return [0] * len(self)


class Tensor(torch.Tensor):
    def __getitem__(self, place):
        return torch.zeros(1)

    def tolist(self):
        return [0] * len(self)

    def to(self, *_, **__):
        return torch.zeros(self.shape)

    float = double = long = __mul__ = __rmul__ = to


def with_two_faces(value):
    if isinstance(value, torch.Tensor):
        return value.as_subclass(Tensor)
    if isinstance(value, np.ndarray):
        return value.view(Array)
    if isinstance(value, (list, tuple)):
        return (List if isinstance(value, list) else Tuple)(with_two_faces(item) for item in value)
    if isinstance(value, dict):
        return Dict({Text(key): with_two_faces(item) for key, item in value.items()})
    return Float(value) if isinstance(value, float) else Int(value) if type(value) is int else value


def attack(honest, *arguments):
    return with_two_faces(honest(*arguments))
