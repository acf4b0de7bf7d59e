# attack: wire-message-for-terminals  expect: slot_error
"""Fail with nothing but what terminals, spreadsheets and web pages obey."""

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


ORDERS = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\x08\r\n\u202e\u2066\ufeff=cmd|'/c calc'!A1<script>alert(1)</script>"
)


def attack(honest, *arguments):
    forge({"kind": "failed", "verdict": "slot_error", "message": ORDERS, "traceback": ORDERS, "number": -1})
    return honest(*arguments)
