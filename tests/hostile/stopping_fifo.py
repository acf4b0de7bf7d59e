# attack: stopping-fifo  expect: time_limit
"""Wait for a reader of a pipe, by name or without one, that never comes."""

import contextlib
import os


def attack(honest, *arguments):
    with contextlib.suppress(OSError):
        os.mkfifo("/tmp/fifo")
        open("/tmp/fifo")
    come, go = os.pipe()
    os.read(come, 1)
    return honest(*arguments)
