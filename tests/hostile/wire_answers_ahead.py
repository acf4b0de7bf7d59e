# attack: wire-answers-ahead  expect: invalid_output|slot_crashed
"""Say that the function is there, and send an answer before the question; what comes after it is out of step."""

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


forge({"kind": "ready"})
forge({"kind": "answer", "number": 1, "value": None})
