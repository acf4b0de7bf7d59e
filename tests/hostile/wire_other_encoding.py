# attack: wire-other-encoding  expect: slot_crashed
"""The same header in UTF-16, which readers of JSON recognise by themselves, to claim what UTF-8 may not."""

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


CLAIM = {"kind": "failed", "verdict": "scored", "message": "100 points", "traceback": "", "number": 0}


def attack(honest, *arguments):
    forge(json.dumps([CLAIM, []]).encode("utf-16-le"))
    return honest(*arguments)
