# attack: wire-not-finite  expect: slot_crashed
"""Numbers that JSON does not have: NaN, Infinity and 1e999 where a whole number belongs."""

import contextlib
import json
import os
import struct


def forge(structure, arrays=(), payload=b""):
    """Write a frame by hand to every descriptor that takes it."""
    header = structure if isinstance(structure, bytes) else json.dumps([structure, list(arrays)]).encode()
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, struct.pack("<4sIQ", b"slt1", len(header), len(payload)) + header + payload)


def attack(honest, *arguments):
    forge(b'[{"kind":"answer","number":NaN,"value":["l",NaN,Infinity,-Infinity,1e999]},[]]')
    return honest(*arguments)
