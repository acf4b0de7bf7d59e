# attack: wire-not-text  expect: invalid_output
"""A header of bytes that are no text, with overlong and cut characters."""

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
    forge(b'[{"kind":"\xc0\xaf\xff\xfe\xf5","number":1,"value":"\xed\xa0"},[]]')
    return honest(*arguments)
