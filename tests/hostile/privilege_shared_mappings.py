# attack: privilege-shared-mappings  expect: scored=honest
"""Memory that is shared with process 1, which every later run comes from: whatever is written there would stay."""

import contextlib
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for line in open("/proc/self/maps"):
    span, rights, _, device, inode, *path = line.split(maxsplit=5)
    if "s" not in rights:
        continue
    start, end = (int(one, 16) for one in span.split("-"))
    if "w" in rights or libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 3) == 0:
        reached(f"shared memory that can be written: {line}")
for place in os.listdir("/proc/self/fd"):
    with contextlib.suppress(OSError, ValueError):
        path = os.readlink(f"/proc/self/fd/{place}")
        if "memfd:" in path or "anon_inode" in path or path.startswith("/dev/shm"):
            reached(f"an inherited descriptor: {path}")
