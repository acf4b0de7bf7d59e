# attack: stopping-exits-a-moment-later  expect: slot_crashed
"""Answer, and let a thread end the process while the trainer is at work."""

import os
import threading
import time

STARTED = []


def leave():
    time.sleep(0.01)
    os._exit(3)


def attack(honest, *arguments):
    if not STARTED:
        STARTED.append(threading.Thread(target=leave).start())
    return honest(*arguments)
