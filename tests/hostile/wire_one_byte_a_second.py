# attack: wire-one-byte-a-second  expect: time_limit
"""Answer honestly, one byte a second: never silent, never done."""

import os
import socket
import stat
import sys
import time

TAKEN = []


def own_socket():
    for place in range(3, 256):
        if os.path.exists(f"/proc/self/fd/{place}") and stat.S_ISSOCK(os.fstat(place).st_mode):
            return socket.socket(fileno=os.dup(place))
    raise LookupError("no socket")


def take_over(value):
    """Serve the calls in place of the program that called us; ends when the trainer is gone."""
    wire, line, number = sys.modules["grader.sandbox.inside.wire"], own_socket(), 1
    while True:
        deliver(wire, line, {"kind": "answer", "number": number, "value": value})
        call = wire.receive(line)
        number = call["number"]
        value = getattr(sys.modules["__main__"], call["entry"])(*call["args"])


def attack(honest, *arguments):
    value = honest(*arguments)
    if not TAKEN:
        TAKEN.append(True)
        take_over(value)
    return value


def deliver(wire, line, answer):
    for byte in wire.frame(answer):
        line.sendall(bytes([byte]))
        time.sleep(1)
