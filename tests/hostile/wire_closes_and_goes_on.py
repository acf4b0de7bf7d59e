# attack: wire-closes-and-goes-on  expect: slot_crashed
"""Close every descriptor, put others in their places, and go on as if nothing had happened."""

import contextlib
import os


def attack(honest, *arguments):
    nothing = os.open("/dev/null", os.O_RDWR)
    for place in range(256):
        with contextlib.suppress(OSError):
            os.close(place) if place != nothing else None
        with contextlib.suppress(OSError):
            os.dup2(nothing, place)
    return honest(*arguments)
