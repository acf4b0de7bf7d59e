# attack: flooding-programs  expect: scored=honest
"""Start whole programs, each of which starts more, until the kernel refuses; hundreds would be a hole."""

import contextlib
import os
import subprocess
import sys

MORE = "import os, time\nos.setsid()\ntry:\n  while os.fork(): pass\nexcept OSError: pass\ntime.sleep(600)"
started = []
with contextlib.suppress(OSError):
    while len(started) < 200:
        started.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", MORE]))
if len(started) == 200 or sum(name.isdigit() for name in os.listdir("/proc")) > 200:
    reached("200 programs")
