# attack: wire-many-elements  expect: invalid_output
"""Hide 2^62 elements behind a zero in the shape: no bytes, but more than an array may have."""

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
    answer = {"kind": "answer", "number": 1, "value": ["l", ["a"], ["a"]]}
    forge(answer, [["t", "bool", [0, 2**62]], ["n", "uint8", [2**31, 0, 2**31]]])
    return honest(*arguments)
