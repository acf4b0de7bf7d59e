# attack: flooding-penalties  expect: invalid_output|scored<=baseline
"""Something else that is wrong in every call, large and unprintable, to flood what is noted about it."""

import itertools

import numpy as np

turns = itertools.cycle(
    [
        None,
        "\x1b]0;owned\x07\u202e" * 20_000,
        {"\x1b[2J" * 1000: "\x00" * 100_000},
        [["l"] * 1000] * 50,
        [float("nan"), -1e308, 2**63],
        np.full((1000, 1000), np.nan),
        np.zeros((1,) * 32),
        [[[[[[[[[[]]]]]]]]]],
    ]
)


def attack(honest, *arguments):
    return next(turns)
