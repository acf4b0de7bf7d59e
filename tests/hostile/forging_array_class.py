# attack: forging-array-class  expect: invalid_output
"""Returns arrays whose class lies about size, shape and type, so that a reader would take too much, or too
little.

The frame that such an array writes contradicts itself, and is refused before memory is taken.
"""


class Boasting(np.ndarray):
    @property
    def nbytes(self):
        return 8

    @property
    def shape(self):
        return (1 << 40,)

    @property
    def size(self):
        return 1 << 40

    def __len__(self):
        return 1 << 40


class Modest(np.ndarray):
    @property
    def nbytes(self):
        return 0

    @property
    def shape(self):
        return (2,)


def attack(honest, *arguments):
    return [np.arange(1000.0).view(Modest), np.arange(1000.0).view(Boasting)]
