# attack: forging-double-answers  expect: slot_crashed|invalid_output  alone: slot_error
"""Forks, and has both processes believe that they are the slot: each call is answered twice, in turn or at
once.

An answer that was not asked for ends the run.
"""

import os

own_number = os.getpid()
os.getpid = lambda: own_number
doubled = []


def attack(honest, *arguments):
    answer = honest(*arguments)
    if not doubled:
        doubled.append(True)
        os.fork()
    return answer
