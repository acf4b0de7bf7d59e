# attack: flooding-unseen-memory  expect: scored=honest  alone: slot_error
"""Memory that no limit of a process counts, or that outlives it: files without a folder, and what System V left us."""

import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == "x86_64" else 1
CALLS = {
    "memfd_create": ((319, 279), b"x", 0),
    "memfd_secret": ((447, 447), 0, 0),
    "shmget": ((29, 194), 0, 1 << 24, 0o1600),
    "msgget": ((68, 186), 0, 0o1600),
    "semget": ((64, 190), 0, 100, 0o1600),
    "mq_open": ((240, 180), b"queue", os.O_CREAT | os.O_RDWR, 0o600, 0),
    "vmsplice": ((278, 75), 1, 0, 0, 0),
}
for call, ((*numbers,), *given) in CALLS.items():
    child = os.fork()
    if not child:
        got = -1
        try:
            got = libc.syscall(numbers[column], *given)
        finally:
            os._exit(0 if got >= 0 else 1)
    if os.waitpid(child, 0)[1] == 0:
        reached(call)
