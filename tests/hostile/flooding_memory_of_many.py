# attack: flooding-memory-of-many  expect: scored=honest|memory_limit
"""Ten processes that each stay below the limit of one, and together are far above it."""

import contextlib
import os
import time

DONE = []


def attack(honest, *arguments):
    if not DONE:
        for number in range(10):
            with contextlib.suppress(OSError):
                if not os.fork():
                    try:
                        DONE.append(b"x" * (400 << 20))
                        time.sleep(600)
                    finally:
                        os._exit(0)
        DONE.append(True)
        time.sleep(1)
    return honest(*arguments)
