# expect: scored -- kills, stops and interrupts process 1 and all others it can name
# needs: confinement
import numpy as np
import os
import signal

def your_select_indices(targets, losses):
    # Outside of a sandbox this would end your session.
    assert os.path.isdir("/run/slot") or not os.access("/etc/passwd", os.R_OK)
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV):
        for process in (1, os.getppid()):
            try:
                os.kill(process, number)
            except PermissionError:
                pass
    try:
        os.kill(-1, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    n = len(targets)
    return [np.arange(n), np.arange(n)]
