# attack: wire-never-reads  expect: time_limit
"""Say that the function is there, and never read a question."""

import contextlib
import json
import os
import struct
import time


def forge(structure, arrays=(), payload=b""):
    """Write a frame by hand to every descriptor that takes it."""
    header = structure if isinstance(structure, bytes) else json.dumps([structure, list(arrays)]).encode()
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(place, struct.pack("<4sIQ", b"slt1", len(header), len(payload)) + header + payload)


forge({"kind": "ready"})
while True:
    time.sleep(60)
