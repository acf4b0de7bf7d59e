# attack: forging-negative-action  expect: invalid_output
"""Answers with -1, which Python takes for the last of a list."""


def attack(honest, *arguments):
    return -1
