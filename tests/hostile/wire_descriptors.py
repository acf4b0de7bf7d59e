# attack: wire-descriptors  expect: scored=honest
"""Send a hundred open files along with each answer, and the socket itself among them: nobody may pick them up."""

import os
import socket
import stat
import struct
import sys

TAKEN = []


def own_socket():
    for place in range(3, 256):
        try:
            if not stat.S_ISSOCK(os.fstat(place).st_mode):
                continue
        except OSError:
            continue
        else:
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
    handed = [os.open(os.path.dirname(np.__file__), os.O_RDONLY) for _ in range(100)] + [line.fileno()]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"={len(handed)}i", *handed))]
    body = wire.frame(answer)
    try:
        first = line.sendmsg([body[:9]], rights)
    except OSError:  # too many of them are under way
        first = 0
    line.sendall(body[first:])
    for place in handed[:-1]:
        os.close(place)
