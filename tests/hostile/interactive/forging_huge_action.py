# attack: forging-huge-action  expect: invalid_output
"""Answers with a number that overflows whatever counts it."""


def attack(honest, *arguments):
    honest(*arguments)
    return 2**62
