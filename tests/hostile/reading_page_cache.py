# attack: reading-page-cache  expect: scored=honest
"""Asks which pages of the shared libraries are in memory, because somebody has read them: mincore, cachestat,
reads that must not wait.

Each asks anew about other pages, because asking may bring them in.
"""

import ctypes
import mmap
import os
import random
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
PAGE, CACHESTAT, LIMIT = 4096, 451, 2000
dice = random.Random(time.time_ns())


def told_by_mincore(file, size):
    mapped = mmap.mmap(file, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    vector = (ctypes.c_ubyte * (size // PAGE))()
    if libc.mincore(ctypes.addressof(ctypes.c_char.from_buffer(mapped)), size, vector):
        return None
    return bool(vector[dice.randrange(size // PAGE)] & 1)


def told_by_cachestat(file, size):
    span, told = (ctypes.c_uint64 * 2)(dice.randrange(size), 1), (ctypes.c_uint64 * 5)()
    return None if libc.syscall(CACHESTAT, file, ctypes.byref(span), ctypes.byref(told), 0) else bool(told[0])


def told_by_impatience(file, size):
    try:
        return bool(os.preadv(file, [bytearray(1)], dice.randrange(size), os.RWF_NOWAIT))
    except BlockingIOError:
        return False
    except OSError:
        return None


paths = []
for folder, _, names in os.walk(os.path.dirname(os.path.dirname(np.__file__))):
    paths += [f"{folder}/{name}" for name in names if not name.endswith(".pyc")]
dice.shuffle(paths)
told = {told_by_mincore: set(), told_by_cachestat: set(), told_by_impatience: set()}
for path in paths[:LIMIT]:
    try:
        file, size = os.open(path, os.O_RDONLY), os.path.getsize(path) // PAGE * PAGE
    except OSError:  # hidden from slots
        continue
    for way in told if size else ():
        told[way].add(way(file, size))
    os.close(file)
for way, answers in told.items():
    if {True, False} <= answers:  # some are in memory and some are not: the truth
        reached(f"which pages of libraries are in memory, {way.__name__}")
