# attack: stopping-ignores-signals  expect: time_limit  alone: slot_error
"""Loop in many processes and sessions, all of which ignore or block every signal that can be."""

import contextlib
import os
import signal


def attack(honest, *arguments):
    for number in signal.valid_signals():
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for _ in range(6):
        if not os.fork():
            os.setsid()
            break
    while True:
        pass
