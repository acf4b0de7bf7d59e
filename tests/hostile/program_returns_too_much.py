# attack: program-returns-too-much  expect: invalid_output|slot_error|memory_limit
"""Return more than may cross: a nest of lists, texts without end, an array of a gigabyte that takes no memory."""

import numpy as np


def attack(honest, *arguments):
    honest(*arguments)
    return [np.broadcast_to(np.int64(1), (1 << 27,)), "x" * (1 << 24), [[[]]] * 1_000_000]
