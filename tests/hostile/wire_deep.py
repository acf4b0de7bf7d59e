# attack: wire-deep  expect: invalid_output
"""A well-formed answer, lists within dicts within lists, 50,000 levels deep."""

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
    deep = b'{"k":["l",' * 50_000 + b"null" + b"]}" * 50_000
    forge(b'[{"kind":"answer","number":1,"value":' + deep + b"},[]]")
    return honest(*arguments)
