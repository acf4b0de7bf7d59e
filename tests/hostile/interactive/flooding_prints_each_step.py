# attack: flooding-prints-each-step  expect: output_limit
"""Prints a diary of every step, far beyond what may be printed."""


def attack(honest, *arguments):
    print("a diary of this step " * 20_000)
    return honest(*arguments)
