# attack: wire-claims-unknown  expect: slot_crashed
"""Claim verdicts that do not exist, or that only the grader may give."""

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
    for verdict in ("time_limit", "winner", "SLOT_ERROR", "", "Verdict.SCORED", "invalid_notebook", "None"):
        forge({"kind": "failed", "verdict": verdict, "message": "so there", "traceback": "", "number": 1})
    return honest(*arguments)
