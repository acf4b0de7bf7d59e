# attack: stopping-sleeps-once  expect: scored=honest|time_limit
"""Sleep for much of the wall clock in the first call, and be quick from then on: a slow student, no slow machine."""

import time

SLEPT = []


def attack(honest, *arguments):
    if not SLEPT:
        SLEPT.append(True)
        time.sleep(8)
    return honest(*arguments)
