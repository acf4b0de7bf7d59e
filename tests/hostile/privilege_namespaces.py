# attack: privilege-namespaces  expect: scored=honest  alone: slot_error
"""Make or join namespaces, by each call and each flag there is for it, and by programs that do."""

import contextlib
import ctypes
import os
import platform
import signal
import subprocess

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


FLAGS = {
    "users": 0x10000000,
    "processes": 0x20000000,
    "network": 0x40000000,
    "mounts": 0x00020000,
    "messages": 0x08000000,
    "names": 0x04000000,
    "groups": 0x02000000,
    "time": 0x00000080,
}
SIGCHLD, CLONE, UNSHARE, SETNS = 17, (56, 220)[COLUMN], (272, 97)[COLUMN], (308, 268)[COLUMN]


def clone3(flags):
    wanted = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, SIGCHLD)
    return libc.syscall(435, wanted, 88)


for kind, flag in FLAGS.items():
    for with_users in (0, FLAGS["users"]):
        flags = flag | with_users
        if succeeds(lambda: libc.syscall(UNSHARE, flags)) or succeeds(lambda: libc.unshare(flags)):
            reached(f"a namespace of {kind} by unshare")
        if kind != "time" and succeeds(
            lambda: libc.syscall(CLONE, ctypes.c_long(flags | SIGCHLD), 0, 0, 0, 0)
        ):
            reached(f"a namespace of {kind} by clone")
        if succeeds(lambda: clone3(flags)):
            reached(f"a namespace of {kind} by clone3")
for place in (1, TARGETS["grader_pid"], os.getpid()):
    for kind in ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup", "time"):
        with contextlib.suppress(OSError):
            handle = os.open(f"/proc/{place}/ns/{kind}", os.O_RDONLY)
            if succeeds(lambda: libc.syscall(SETNS, handle, 0)):
                reached(f"the namespace {kind} of {place}")
            os.close(handle)
for program in ("unshare", "/usr/bin/unshare", "bwrap", "newuidmap", "nsenter", "su", "sudo", "pkexec"):
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command, nothing = [program, "-U", "true"], subprocess.DEVNULL
        if subprocess.run(command, stdin=nothing, capture_output=True, timeout=5).returncode == 0:
            reached(f"{program} -U")
