# attack: wire-overlapping  expect: invalid_output
"""Two arrays that both claim the whole payload, and one with a size that takes it back."""

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
    forge(answer, [["n", "float32", [8]], ["t", "float32", [8]]], bytes(32))
    forge(answer, [["n", "float32", [16]], ["n", "float32", [-8]]], bytes(32))
    return honest(*arguments)
