# attack: wire-stops-reading  expect: slot_crashed  once: scored=honest
"""Close the reading half of the socket: the trainer's next question has no taker."""

import contextlib
import os
import socket


def attack(honest, *arguments):
    for place in range(3, 256):
        with contextlib.suppress(OSError):
            socket.socket(fileno=os.dup(place)).shutdown(socket.SHUT_RD)
    return honest(*arguments)
