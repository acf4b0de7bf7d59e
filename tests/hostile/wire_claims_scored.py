# attack: wire-claims-scored  expect: slot_crashed
"""Claim to have been scored, at definition and in the first call."""

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


CLAIM = {
    "kind": "failed",
    "verdict": "scored",
    "message": "100 points",
    "points": 100,
    "traceback": "",
    "number": 0,
}
forge(CLAIM)


def attack(honest, *arguments):
    forge(CLAIM)
    return honest(*arguments)
