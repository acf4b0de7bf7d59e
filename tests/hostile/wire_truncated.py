# attack: wire-truncated  expect: slot_crashed
"""Announce a frame, send half of it, and end: nobody may wait for the rest, or take what is there."""

import contextlib
import os
import struct


def attack(honest, *arguments):
    header = b'[{"kind":"answer","number":1,"value":["a"]},[["n","float64",[1000]]]]'
    whole = struct.pack("<4sIQ", b"slt1", len(header), 8000) + header + bytes(8000)
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, whole[: len(whole) // 2])
    os._exit(0)
