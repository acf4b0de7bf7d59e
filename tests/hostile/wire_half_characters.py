# attack: wire-half-characters  expect: invalid_output
"""Halves of characters that nobody can print or store, as what a failure says."""

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
        b'[{"kind":"failed","verdict":"slot_error","message":"\\ud800","traceback":"\\udfff","number":1},[]]'
    )
    return honest(*arguments)
