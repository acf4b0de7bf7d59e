# attack: wire-long-integers  expect: invalid_output
"""Whole numbers of thousands of digits, as the call's number and in a shape."""

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
    answer = {"kind": "answer", "number": 10**4000, "value": ["l", *[10**4200] * 100]}
    forge(answer, [["n", "int8", [10**4000, 0]]])
    return honest(*arguments)
