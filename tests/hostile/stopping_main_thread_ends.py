# attack: stopping-main-thread-ends  expect: scored=honest
"""End the main thread alone: the process is a zombie that still answers honestly, from another thread.

It must be ended and collected like any other.
"""

import ctypes
import os
import platform
import socket
import stat
import sys
import threading

TAKEN = []


def own_socket():
    for place in range(3, 256):
        try:
            if not stat.S_ISSOCK(os.fstat(place).st_mode):
                continue
        except OSError:
            continue
        else:
            return socket.socket(fileno=place)
    raise LookupError("no socket")


def take_over(line, value):
    """Serve the calls in place of the program that called us; ends when the trainer is gone."""
    wire, number = sys.modules["grader.sandbox.inside.wire"], 1
    while True:
        try:
            wire.send(line, {"kind": "answer", "number": number, "value": value})
            call = wire.receive(line)
        except wire.Closed:
            return
        number = call["number"]
        value = getattr(sys.modules["__main__"], call["entry"])(*call["args"])


def attack(honest, *arguments):
    value = honest(*arguments)
    if not TAKEN:
        TAKEN.append(True)
        threading.Thread(target=take_over, args=(own_socket(), value)).start()
        ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)  # exit, of this thread
    return value
