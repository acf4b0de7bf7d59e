# attack: network-own-socket  expect: scored=honest
"""Turn the inherited socket round: to another address, to a listener, to something that is not of this machine."""

import contextlib
import os
import socket
import stat

names = ["\0" + TARGETS["abstract"], TARGETS["unix_socket"]]
for place in range(3, 256):
    if not os.path.exists(f"/proc/self/fd/{place}") or not stat.S_ISSOCK(os.fstat(place).st_mode):
        continue
    line = socket.socket(fileno=os.dup(place))
    if line.family != socket.AF_UNIX or line.getpeername() or line.getsockname():
        reached(f"a socket with an address: {line}")
    for name in names:
        with contextlib.suppress(OSError):
            line.connect(name)
            reached(f"another end at {name!r}")
        with contextlib.suppress(OSError):
            line.bind(name + "-mine")
            reached("a name for the socket")
    with contextlib.suppress(OSError):
        line.listen()
        line.accept()
        reached("a guest")
    with contextlib.suppress(OSError):
        os.close(os.open(f"/proc/self/fd/{place}", os.O_RDWR))
        reached("a second opening of the socket")
