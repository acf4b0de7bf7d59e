# attack: stopping-process-one  expect: scored=honest
"""Every signal to process 1, again and again, directly and by the kernel's own hand (signals of a pipe), then -1.

Python answers some signals where the kernel would drop them for a process 1: the one of Ctrl-C among them.
"""

import contextlib
import fcntl
import os
import signal

F_SETSIG = 10
DONE = []


def attack(honest, *arguments):
    if not DONE and os.path.isdir("/run/slot"):  # outside of a sandbox this would end your session
        DONE.append(True)
        come, go = os.pipe()
        for number in range(1, signal.NSIG):
            for _ in range(20):
                with contextlib.suppress(OSError):
                    os.kill(1, number)
            with contextlib.suppress(OSError):
                first = os.pidfd_open(1)
                try:
                    signal.pidfd_send_signal(first, number)
                finally:
                    os.close(first)
            with contextlib.suppress(OSError):
                fcntl.fcntl(come, fcntl.F_SETOWN, 1)
                fcntl.fcntl(come, F_SETSIG, number)
                fcntl.fcntl(come, fcntl.F_SETFL, os.O_ASYNC)
                os.write(go, b"!")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            with contextlib.suppress(OSError):
                os.kill(-1, number)
    return honest(*arguments)
