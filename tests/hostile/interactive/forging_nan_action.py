# attack: forging-nan-action  expect: invalid_output
"""Answers with NaN, which is neither below nor above any bound."""


def attack(honest, *arguments):
    return float("nan")
