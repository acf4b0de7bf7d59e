# attack: wire-array-of-objects  expect: invalid_output
"""An array whose bytes would be pointers into the reader's memory."""

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
    forge(answer, [["n", "object", [4]]], struct.pack("<4Q", *[id(attack)] * 4))
    return honest(*arguments)
