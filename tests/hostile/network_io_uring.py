# attack: network-io-uring  expect: scored=honest  alone: slot_error
"""A ring of io_uring, which opens sockets where no filter of system calls looks."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for call, given in ((425, (8, (ctypes.c_byte * 120)())), (426, (0, 0, 0, 0, 0, 0)), (427, (-1, 0, 0, 0))):
    child = os.fork()
    if not child:
        got = -1
        try:
            got = libc.syscall(call, *given)
        finally:
            os._exit(0 if got >= 0 or (call != 425 and ctypes.get_errno() == 9) else 1)  # EBADF: it was there
    if os.waitpid(child, 0)[1] == 0:
        reached(f"call {call} of io_uring")
