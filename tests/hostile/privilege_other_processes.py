# attack: privilege-other-processes  expect: scored=honest  alone: slot_error
"""Signal, slow down, limit or move processes that are not one's own: process 1 of the sandbox, the grader, any."""

import contextlib
import ctypes
import os
import platform
import resource
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


SOFT = {name: getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
OTHERS = {TARGETS["grader_pid"]} - {1}  # in a container it may be process 1, and is another one here
for place in (1, *OTHERS):
    for name, limit in SOFT.items():
        with contextlib.suppress(OSError, ValueError):
            now = resource.prlimit(place, limit)
            resource.prlimit(place, limit, now)
            reached(f"setting {name} of process {place}")
    with contextlib.suppress(OSError):
        os.sched_setaffinity(place, {0})
        reached(f"the processors of process {place}")
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, place, 19)
        reached(f"the priority of process {place}")
    with contextlib.suppress(OSError):
        os.sched_setscheduler(place, os.SCHED_IDLE, os.sched_param(0))
        reached(f"the scheduling of process {place}")
    if succeeds(lambda: libc.syscall((251, 30)[COLUMN], 1, place, 3 << 13)):
        reached(f"the disk priority of process {place}")
    for call in (os.getpgid, os.getsid):
        with contextlib.suppress(OSError):
            if place != 1:
                reached(f"process {place} is in group {call(place)}")
for place in OTHERS:
    with contextlib.suppress(OSError):
        os.kill(place, 0)
        reached("the grader can be signalled")
    with contextlib.suppress(OSError):
        os.pidfd_open(place)
        reached("the grader can be named")
with contextlib.suppress(OSError):
    os.kill(1, 0)
    if os.stat("/proc/1").st_uid != os.getuid():
        reached("process 1 of another user can be signalled")
own = {1, os.getpid()}
others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in own]
for place in others:
    with contextlib.suppress(OSError):
        if os.stat(f"/proc/{place}").st_uid not in (os.getuid(), 0, 65534) or len(others) > 20:
            reached(f"process {place} of somebody else")
