# attack: forging-step-counts  expect: slot_crashed
"""Sends the answers of ten more steps, numbered ahead, behind that of the first."""

import contextlib
import json
import os
import struct


def attack(honest, *arguments):
    action = honest(*arguments)
    for number in range(2, 12):
        answer = {"kind": "answer", "number": number, "value": action}
        header = json.dumps([answer, []]).encode()
        for place in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(place, struct.pack("<4sIQ", b"slt1", len(header), 0) + header)
    return action
