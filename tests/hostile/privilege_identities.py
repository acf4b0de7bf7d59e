# attack: privilege-identities  expect: scored=honest  alone: slot_error
"""Become another user or group, and take rights back that were given up."""

import contextlib
import ctypes
import os
import platform
import signal

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


before = os.getresuid(), os.getresgid(), os.getgroups()
for user in (0, 1, 1000, TARGETS["grader_pid"], 65534, 2**32 - 2):
    for become in (os.setuid, os.seteuid, os.setgid, os.setegid):
        with contextlib.suppress(OSError, OverflowError):
            become(user)
    for become in (os.setresuid, os.setresgid):
        with contextlib.suppress(OSError, OverflowError):
            become(user, user, user)
    libc.setfsuid(ctypes.c_uint32(user))
    libc.setfsgid(ctypes.c_uint32(user))
for groups in ([0], [27, 999], []):
    with contextlib.suppress(OSError):
        os.setgroups(groups)
if (os.getresuid(), os.getresgid(), os.getgroups()) != before:
    reached(f"another identity: {os.getresuid()} {os.getresgid()} {os.getgroups()}")
every = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
for rights in (every, (ctypes.c_uint32 * 6)(1 << 21, 1 << 21), (ctypes.c_uint32 * 6)(0, 0, 1 << 21)):
    if succeeds(lambda: libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), rights)):
        reached("rights by capset")
CALLS = {
    "ambient rights": (47, 2, 21),
    "security bits": (28, 0x2F),
    "new privileges": (38, 0),
    "another mode": (22, 0),
}
for call, given in CALLS.items():
    if succeeds(lambda: libc.prctl(*given, 0, 0)):
        reached(f"{call} by prctl")
lines = open("/proc/self/status").read().splitlines()
fields = {line.split(":")[0]: line.split()[1:] for line in lines}
for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
    if int(fields[name][0], 16):
        reached(f"{name} is {fields[name][0]}")
if fields["NoNewPrivs"] != ["1"] or fields["Seccomp"] != ["2"]:
    reached("a process without a filter")
for name in ("Uid", "Gid"):
    if len(set(fields[name])) > 1:
        reached(f"{name} is {fields[name]}")
