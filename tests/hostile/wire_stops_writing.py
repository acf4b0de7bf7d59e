# attack: wire-stops-writing  expect: slot_crashed
"""Close the writing half of the socket and go on."""

import contextlib
import os
import socket


def attack(honest, *arguments):
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            socket.socket(fileno=os.dup(place)).shutdown(socket.SHUT_WR)
    return honest(*arguments)
