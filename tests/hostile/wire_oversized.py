# attack: wire-oversized  expect: invalid_output
"""Announce a header of 4 GB and arrays of 16 exabytes, and begin to deliver."""

import contextlib
import os
import struct


def attack(honest, *arguments):
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, struct.pack("<4sIQ", b"slt1", 2**32 - 1, 2**64 - 1) + b"[" * 100_000)
    return honest(*arguments)
