# attack: wire-late  expect: slot_crashed|invalid_output  once: scored=honest
"""A thread repeats each answer a moment after the function has returned, into the next call."""

import os
import socket
import stat
import sys
import threading
import time

SENT = []


def repeat(value, number):
    time.sleep(0.01)
    for place in range(3, 256):
        if os.path.exists(f"/proc/self/fd/{place}") and stat.S_ISSOCK(os.fstat(place).st_mode):
            again = {"kind": "answer", "number": number, "value": value}
            sys.modules["grader.sandbox.inside.wire"].send(socket.socket(fileno=os.dup(place)), again)


def attack(honest, *arguments):
    value = honest(*arguments)
    SENT.append(True)
    if len(SENT) < 10:
        threading.Thread(target=repeat, args=(value, len(SENT)), daemon=True).start()
    return value
