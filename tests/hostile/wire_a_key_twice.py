# attack: wire-a-key-twice  expect: invalid_output
"""Every key twice, so that two readers could read two things."""

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
        b'[{"kind":"failed","kind":"answer","number":1,"number":2,"verdict":"scored","verdict":"slot_error",'
        b'"message":"a","message":"b","value":null,"value":1},[]]'
    )
    return honest(*arguments)
