# attack: wire-message-of-nothing  expect: slot_error|slot_crashed
"""Fail with a message of which nothing is left when it is cleaned."""

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
    forge(
        {
            "kind": "failed",
            "verdict": "slot_error",
            "message": "\x00\x1b\u202e",
            "traceback": "\x00",
            "number": 0,
        }
    )
    return honest(*arguments)
