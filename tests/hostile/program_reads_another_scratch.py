# attack: program-reads-another-scratch  expect: scored=honest
"""Look for the folder of a program that runs beside it: in /proc, below /tmp, by guessed names."""

import glob
import os

own = {os.path.realpath(path) for path in (".", "/tmp", "/dev/shm")}
for pattern in (
    "/proc/[0-9]*/cwd",
    "/proc/[0-9]*/root/tmp",
    "/tmp/slot-*",
    "/tmp/grader-*",
    "/var/tmp/*",
    "/run/slot/*",
):
    for path in glob.glob(pattern):
        try:
            if os.path.realpath(path) in own or str(os.getpid()) in path:
                continue
            names = os.listdir(path)
        except OSError:
            continue
        if names and not path.startswith(("/proc/1/", "/run/slot/site", "/run/slot/mounts")):
            reached(f"{path}: {names[:3]}")
