# attack: flooding-return  expect: invalid_output
"""Return more than may cross: once as one large array, as views of 8 bytes, and as texts."""

import numpy as np


def attack(honest, *arguments):
    views = [np.broadcast_to(np.zeros(1), (1 << 40,)) for _ in range(100)]
    return honest(*arguments), np.zeros(1 << 25), views, ["x" * 1_000_000] * 100
