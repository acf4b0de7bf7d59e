# attack: wire-claims-card-memory  expect: slot_error
"""Fail with the words of a graphics card whose memory is full, after which a grader would try again elsewhere."""

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


WORDS = "OutOfMemoryError: CUDA out of memory. CUBLAS_STATUS_ALLOC_FAILED, CUDA error: out of memory"


def attack(honest, *arguments):
    forge({"kind": "failed", "verdict": "slot_error", "message": WORDS, "traceback": WORDS, "number": 1})
    return honest(*arguments)
