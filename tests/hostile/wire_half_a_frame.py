# attack: wire-half-a-frame  expect: time_limit
"""Send half a frame and then nothing more, with a process that stays."""

import contextlib
import os
import struct
import time


def attack(honest, *arguments):
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, struct.pack("<4sIQ", b"slt1", 1000, 1 << 20) + b"[" * 500)
    while True:
        time.sleep(60)
