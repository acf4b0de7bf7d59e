# attack: flooding-locks  expect: scored=honest
"""Lock all that can be opened, the libraries of the machine among it; a lease on one would let a writer wait."""

import contextlib
import fcntl
import glob
import os
import sys

kept, F_SETLEASE = [], 1024
paths = [
    sys.executable,
    "/etc/ld.so.cache",
    *glob.glob("/run/slot/*.py"),
    *glob.glob("/usr/lib/*"),
]
for path in [*paths, *glob.glob("/run/slot/site/0/*"), "/", "/dev/null", "/proc/self/exe"][:2000]:
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_RDONLY)
        kept.append(place)
        for lock in (fcntl.LOCK_SH, fcntl.LOCK_EX):
            with contextlib.suppress(OSError):
                fcntl.flock(place, lock | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            fcntl.lockf(place, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            fcntl.fcntl(place, F_SETLEASE, fcntl.F_RDLCK)
            reached(f"a lease on {path}")
    if len(kept) > 200:
        for place in kept[:100]:
            os.close(place)
        del kept[:100]
