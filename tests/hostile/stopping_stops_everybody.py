# attack: stopping-stops-everybody  expect: time_limit  alone: slot_error
"""Stop all of one's own processes like a shell's background jobs, children first."""

import os
import signal
import time


def attack(honest, *arguments):
    for _ in range(3):
        if not os.fork():
            while True:
                time.sleep(60)
    os.kill(0, signal.SIGSTOP)
    while True:
        time.sleep(60)
