# attack: forging-heir  expect: slot_crashed|scored=honest  alone: slot_error
"""Leaves the slot to a child in another session, and ends: the child would go on to answer, out of reach of
limits.

With the slot's process all of it ends; where all calls were answered before, they were the honest answers.
"""

import os
import time

own_number = os.getpid()
calls_until_the_end = [2]


def attack(honest, *arguments):
    calls_until_the_end[0] -= 1
    if not calls_until_the_end[0]:
        os.getpid = lambda: own_number
        if os.fork():
            time.sleep(0.1)
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
    return honest(*arguments)
