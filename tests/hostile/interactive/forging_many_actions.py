# attack: forging-many-actions  expect: invalid_output
"""Answers with a hundred actions at once, to play more steps than the budget has."""


def attack(honest, *arguments):
    return [honest(*arguments)] * 100
