# attack: wire-negative-shape  expect: invalid_output
"""Two negative sizes make a positive product that fits the payload."""

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
    answer = {"kind": "answer", "number": 1, "value": ["a"]}
    forge(answer, [["n", "float32", [-2, -4]]], bytes(32))
    return honest(*arguments)
