# attack: stopping-exits  expect: slot_crashed
"""Leave with success and without a word, as if all were done."""

import os


def attack(honest, *arguments):
    honest(*arguments)
    os._exit(0)
