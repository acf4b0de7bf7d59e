# attack: wire-other-number  expect: slot_crashed
"""Answer each call as if it were the next one, or the one before, to be a step ahead of the trainer."""

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
    for other in (2, 0, -1, 2**63):
        forge({"kind": "answer", "number": other, "value": None})
    return honest(*arguments)
