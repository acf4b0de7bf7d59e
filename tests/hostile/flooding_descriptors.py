# attack: flooding-descriptors  expect: scored=honest
"""Open files, full pipes and full pairs of sockets until it is refused; four thousand in one process would be a hole."""

import contextlib
import os
import resource
import socket

with contextlib.suppress(OSError, ValueError):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
opened, pairs = [], []
with contextlib.suppress(OSError):
    while len(pairs) < 60:
        pairs.append(socket.socketpair())
        pairs[-1][0].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                pairs[-1][0].send(bytes(1 << 16))
with contextlib.suppress(OSError):
    while len(opened) < 4_000:
        opened += os.pipe()
        os.set_blocking(opened[-1], False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(opened[-1], bytes(1 << 16))
        opened.append(os.open("/dev/null", os.O_RDONLY))
if len(opened) >= 4_000:
    reached("4,000 descriptors")
for place in opened:
    os.close(place)
del pairs
