# attack: wire-header-length  expect: invalid_output
"""Announce a header shorter than it is, so that its end would be read as the next frame: one that claims the points."""

import contextlib
import os
import struct

CLAIM = b'[{"kind":"failed","verdict":"scored","message":"100 points"},[]]'
INNER = struct.pack("<4sIQ", b"slt1", len(CLAIM), 0) + CLAIM


def attack(honest, *arguments):
    header = b'[{"kind":"answer","number":1,"value":null'
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, struct.pack("<4sIQ", b"slt1", len(header), 0) + header + INNER)
    return honest(*arguments)
