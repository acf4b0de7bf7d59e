# attack: privilege-terminals  expect: scored=honest
"""Type into the terminal that the grader was started from: TIOCSTI, TIOCLINUX and friends on all that may be one."""

import contextlib
import fcntl
import glob
import os
import struct

STI, LINUX, SCTTY, SETD, KBSENT, CONS = 0x5412, 0x541C, 0x540E, 0x5423, 0x4B49, 0x541D
PLACES = [
    "/dev/tty",
    "/dev/console",
    "/dev/tty0",
    "/dev/tty1",
    "/dev/ttyS0",
    "/dev/pts/0",
    *glob.glob("/dev/pts/[0-9]*"),
]
places = list(range(3))
for path in PLACES:
    for flags in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY):
        with contextlib.suppress(OSError):
            places.append(os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK))
            reached(f"the terminal {path}")
for place in places:
    for request, given in (
        (STI, b"\n"),
        (2**32 + STI, b"\n"),
        (LINUX, b"\3\0"),
        (SCTTY, 1),
        (SETD, struct.pack("i", 21)),
        (KBSENT, bytes(600)),
        (CONS, 0),
    ):
        with contextlib.suppress(OSError, OverflowError):
            fcntl.ioctl(place, request, given)
            reached(f"request {request:#x} to descriptor {place}")
    if os.isatty(place):
        reached(f"descriptor {place} is a terminal")
with contextlib.suppress(OSError):
    os.tcgetpgrp(0)
    reached("a foreground group")
