# attack: wire-bytes-beyond-the-payload  expect: invalid_output
"""Bytes that claim a terabyte, in a frame that brings four of them."""

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
    forge(answer, [["b", "uint8", [1 << 40]]], bytes(4))
    return honest(*arguments)
