# attack: stopping-between-episodes  expect: slot_crashed
"""Ends its process in the middle of the game, to keep what was earned so far."""

import os

steps_played = []


def attack(honest, *arguments):
    steps_played.append(True)
    if len(steps_played) == 20:
        os._exit(0)
    return honest(*arguments)
