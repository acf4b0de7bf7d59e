# attack: wire-two-answers  expect: slot_crashed  once: scored=honest
"""Answer the first call twice, honestly both times: the second one must not count for the next call."""

import os
import socket
import stat
import sys

ANSWERED = []


def attack(honest, *arguments):
    value = honest(*arguments)
    if not ANSWERED:
        ANSWERED.append(True)
        for place in range(3, 256):
            if os.path.exists(f"/proc/self/fd/{place}") and stat.S_ISSOCK(os.fstat(place).st_mode):
                first = {"kind": "answer", "number": 1, "value": value}
                sys.modules["grader.sandbox.inside.wire"].send(socket.socket(fileno=os.dup(place)), first)
    return value
