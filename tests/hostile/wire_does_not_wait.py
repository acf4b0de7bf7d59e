# attack: wire-does-not-wait  expect: slot_crashed  once: scored=honest
"""Make the socket one that never waits, so that reading the next question fails."""

import contextlib
import os
import stat


def attack(honest, *arguments):
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(place).st_mode):
                os.set_blocking(place, False)
    return honest(*arguments)
