# attack: flooding-core-dumps  expect: scored=honest  alone: slot_error
"""Ask for core dumps, and die in children with much memory; a file of it anywhere would be a hole."""

import contextlib
import glob
import os
import resource
import signal

for sizes in ((-1, -1), (1 << 30, -1), (1 << 30, 1 << 30)):
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, sizes)
        reached("a limit for core dumps above 0")
for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGXCPU):
    child = os.fork()
    if not child:
        try:
            os.chdir("/tmp")
            os.kill(os.getpid(), number)
        finally:
            os._exit(0)
    if os.WCOREDUMP(os.waitpid(child, 0)[1]):
        reached("a core dump")
if glob.glob("/tmp/core*") or glob.glob("core*"):
    reached("a file of a core dump")
