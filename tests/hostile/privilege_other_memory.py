# attack: privilege-other-memory  expect: scored=honest  alone: slot_error
"""Look into process 1 and other processes: trace, read and write their memory, take their descriptors."""

import contextlib
import ctypes
import os
import platform
import signal
import time

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


TRACEME, ATTACH, SEIZE = 0, 16, 0x4206
PTRACE, READ, WRITE, KCMP = ((101, 117), (310, 270), (311, 271), (312, 272))
buffer = ctypes.create_string_buffer(64)
vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 64)
there = (ctypes.c_uint64 * 2)(id(os), 64)
sibling = os.fork()
if not sibling:
    try:
        time.sleep(30)
    finally:
        os._exit(0)
if succeeds(lambda: libc.syscall(PTRACE[COLUMN], TRACEME, 0, 0, 0)):
    reached("being traced")
for name, place in (("process 1", 1), ("a sibling", sibling), ("the grader", TARGETS["grader_pid"])):
    for request in (ATTACH, SEIZE):
        if succeeds(lambda: libc.syscall(PTRACE[COLUMN], request, place, 0, 0)):
            reached(f"tracing {name}")
    for number in (READ[COLUMN], WRITE[COLUMN]):
        if succeeds(lambda: libc.syscall(number, place, vector, 1, there, 1, 0)):
            reached(f"the memory of {name} by call {number}")
    if succeeds(lambda: libc.syscall(KCMP[COLUMN], os.getppid(), place, 2, 0, 0)):
        reached(f"comparing with {name}")
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(place)
        for descriptor in range(10):
            if succeeds(lambda: libc.syscall(438, handle, descriptor, 0)):
                reached(f"descriptor {descriptor} of {name}")
        if place == 1 and succeeds(lambda: libc.syscall(440, handle, there, 1, 20, 0)):
            reached(f"advice about the memory of {name}")
        os.close(handle)
os.kill(sibling, signal.SIGKILL)
os.waitpid(sibling, 0)
for file in (
    "mem",
    "environ",
    "maps",
    "auxv",
    "stack",
    "syscall",
    "io",
    "pagemap",
    "root/",
    "cwd/",
    "fd/",
    "map_files/",
):
    for place in (1, TARGETS["grader_pid"]):
        with contextlib.suppress(OSError):
            path = f"/proc/{place}/{file}"
            if os.listdir(path) if file.endswith("/") else open(path, "rb").read(8):
                reached(path)
