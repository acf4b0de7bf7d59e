# attack: wire-megabytes-of-message  expect: slot_error
"""Fail with a message and a traceback of half a megabyte each, all in wide characters and without a space."""

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
    flood = "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 80_000
    forge({"kind": "failed", "verdict": "slot_error", "message": flood, "traceback": flood, "number": 2**63})
    return honest(*arguments)
