# attack: flooding-output-after-return  expect: output_limit  alone: slot_error
"""Answer honestly, and leave a process that prints without end."""

import contextlib
import os

DONE = []


def attack(honest, *arguments):
    if not DONE:
        DONE.append(True)
        if not os.fork():
            os.setsid()
            while True:
                with contextlib.suppress(OSError):
                    os.write(1, b"x" * 60_000)
    return honest(*arguments)
