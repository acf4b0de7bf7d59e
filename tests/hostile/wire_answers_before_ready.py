# attack: wire-answers-before-ready  expect: slot_crashed
"""Answer calls that were never made, before the function is there."""

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


for call_number in range(4):
    forge({"kind": "answer", "number": call_number, "value": None})
