# attack: wire-claims-grader-error  expect: slot_crashed
"""Claim that the grader has failed, so that the submission is graded again and again."""

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
        {"kind": "failed", "verdict": "grader_error", "message": "out of disk", "traceback": "", "number": 1}
    )
    return honest(*arguments)
