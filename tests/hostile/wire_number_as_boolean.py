# attack: wire-number-as-boolean  expect: slot_crashed
"""The number of a call as true, which equals 1 in Python but is not it."""

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
    forge({"kind": "answer", "number": True, "value": None})
    return honest(*arguments)
