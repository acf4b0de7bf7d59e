# attack: program-forks  expect: scored=honest|slot_crashed
"""Train in processes of its own, which would go on when the clock is over, and run a program from its folder."""

import contextlib
import os
import subprocess
import sys

with contextlib.suppress(OSError, ValueError):
    if os.fork() == 0:
        while True:
            pass
with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
with contextlib.suppress(OSError):
    with open("tool", "w") as file:
        file.write("#!/bin/sh\necho REACHED a program of its own\n")
    os.chmod("tool", 0o755)
    os.execv("./tool", ["tool"])
