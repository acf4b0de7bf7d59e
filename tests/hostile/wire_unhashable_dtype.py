# attack: wire-unhashable-dtype  expect: invalid_output
"""A dtype that is a list and a kind that is a dict: looking them up must not raise something unforeseen."""

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
    forge(answer, [[{"n": 1}, [["x", "<f4"], ["y", "|O"]], [1]]], bytes(12))
    return honest(*arguments)
