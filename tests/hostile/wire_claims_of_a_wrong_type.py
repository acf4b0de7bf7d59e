# attack: wire-claims-of-a-wrong-type  expect: slot_crashed
"""A failure whose verdict is an array, whose message is a dict and whose traceback a number."""

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
    failed = {"kind": "failed", "verdict": ["a"], "message": {"text": ["a"]}, "traceback": 1, "number": ["a"]}
    forge(failed, [["t", "int64", [2]], ["n", "bool", [2]], ["n", "float64", [0]]], bytes(18))
    return honest(*arguments)
