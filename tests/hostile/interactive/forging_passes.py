# attack: forging-passes  expect: invalid_output
"""Answers with nothing, to see the next observation without spending a step."""

passed = []


def attack(honest, *arguments):
    passed.append(True)
    return None if len(passed) % 2 == 0 else honest(*arguments)
