# attack: privilege-own-filter  expect: scored=honest  alone: slot_error
"""Put a filter of system calls on top that allows everything: it must not undo the one below."""

import ctypes
import os
import platform
import signal
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
COLUMN = 0 if platform.machine() == "x86_64" else 1


def succeeds(action):
    """Try in a child, which a forbidden call may end; true where the call gave no error."""
    child = os.fork()
    if not child:
        got = -1
        try:
            signal.alarm(5)
            got = action()
        finally:
            os._exit(0 if got >= 0 else 1)
    return os.waitpid(child, 0)[1] == 0


ALLOW = struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000)
steps = ctypes.create_string_buffer(ALLOW)
program = struct.pack("=HxxxxxxQ", 1, ctypes.addressof(steps))
CALLS = {
    "socket": ((41, 198), 2, 1, 0),
    "unshare": ((272, 97), 0x10000000),
    "keyctl": ((250, 219), 0, -3, 1),
    "io_uring_setup": ((425, 425), 1, bytes(120)),
    "memfd_create": ((319, 279), b"x", 0),
}


def below(call, numbers, given):
    libc.prctl(22, 2, ctypes.c_char_p(program))  # PR_SET_SECCOMP
    libc.syscall((317, 277)[COLUMN], 1, 1, ctypes.c_char_p(program))  # of all threads
    return libc.syscall(numbers[COLUMN], *given)


for call, ((*numbers,), *given) in CALLS.items():
    if succeeds(lambda: below(call, numbers, given)):
        reached(f"{call}, below a filter of our own")
