# attack: wire-fills-the-socket  expect: slot_crashed  once: time_limit
"""Write without end and never read, so that both sides would wait for each other."""

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


while True:
    forge({"kind": "ready", "padding": "x" * 50_000})
