# attack: stopping-executes  expect: slot_crashed  alone: slot_error
"""Become another program that keeps the socket, claims to have been scored, and ends with success."""

import os
import struct

CLAIM = b'[{"kind":"failed","verdict":"scored","message":"100 points"},[]]'
FRAME = struct.pack("<4sIQ", b"slt1", len(CLAIM), 0) + CLAIM


def attack(honest, *arguments):
    os.set_inheritable(3, True)
    os.execv("/proc/self/exe", ["python", "-I", "-S", "-c", f"import os; os.write(3, {FRAME!r})"])
