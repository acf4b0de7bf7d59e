# attack: privilege-priorities  expect: scored=honest
"""Come before others: real time, a higher priority, higher limits, a lower place on the list of the kernel's victims."""

import contextlib
import ctypes
import os
import resource

libc = ctypes.CDLL(None, use_errno=True)
for policy in ("SCHED_FIFO", "SCHED_RR"):
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(1))
        reached(policy)
for nice in (-20, -1):
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        reached(f"priority {nice}")
for name in [one for one in dir(resource) if one.startswith("RLIMIT_")]:
    limit = getattr(resource, name)
    soft, hard = resource.getrlimit(limit)
    for higher in ((hard + 1, hard + 1), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        if hard != resource.RLIM_INFINITY:
            with contextlib.suppress(OSError, ValueError, OverflowError):
                resource.setrlimit(limit, higher)
                reached(f"a higher {name}")
libc.prctl(4, 1, 0, 0, 0)  # one's own files in /proc belong to oneself again
for path, value in (
    ("oom_score_adj", "-1000"),
    ("oom_score_adj", "0"),
    ("oom_adj", "-17"),
    ("autogroup", "-20"),
):
    with contextlib.suppress(OSError):
        before = open(f"/proc/self/{path}").read()
        with open(f"/proc/self/{path}", "w") as file:
            file.write(value)
        if open(f"/proc/self/{path}").read() != before:
            reached(f"{path} {value}")
libc.prctl(4, 0, 0, 0, 0)
