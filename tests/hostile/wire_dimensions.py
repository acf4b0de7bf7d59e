# attack: wire-dimensions  expect: invalid_output
"""An array of one element in a thousand dimensions."""

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
    forge(answer, [["t", "float32", [1] * 1000]], bytes(4))
    return honest(*arguments)
