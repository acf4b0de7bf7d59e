# attack: forging-fork  expect: scored=honest  alone: slot_error
"""Forks in a call, so that parent and child both return the answer, and so do the child's children.

Only the process that was started as the slot answers; the others end.
"""

import os

forks = [0]


def attack(honest, *arguments):
    answer = honest(*arguments)
    forks[0] += 1
    if forks[0] <= 3:
        child = os.fork()
        if not child:
            os.fork()
        else:
            os.waitpid(child, 0)
    return answer
