# attack: forging-object-actions  expect: invalid_output
"""Answers with an object that says it is another action each time it is asked: one for the check, one for the game."""


class Action:
    def __init__(self):
        self.asked = 0

    def __index__(self):
        self.asked += 1
        return self.asked

    __int__ = __index__

    def __float__(self):
        return 1e9


def attack(honest, *arguments):
    return Action()
