# attack: reading-shared-memory  expect: scored=honest
"""Opens shared memory, queues and semaphores of others, POSIX and System V, by name, by number and by
guessing.

The sandbox has its own IPC namespace and its own, empty /dev/shm.
"""

import ctypes
import mmap
import os
from multiprocessing import shared_memory

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
name = TARGETS["shared_memory"].lstrip("/")
for folder in ("/dev/shm", "/run/shm", "/dev/mqueue", "/proc/self/root/dev/shm"):
    try:
        found = [entry for entry in os.listdir(folder)]
        if found:
            reached(f"{folder} holds {found[:5]}")
        mmap.mmap(os.open(f"{folder}/{name}", os.O_RDONLY), 0, prot=mmap.PROT_READ)
        reached(f"{name} in {folder}")
    except OSError:
        pass
try:
    text = bytes(shared_memory.SharedMemory(name=name).buf[:80])
    reached(f"the shared memory {name}: {text}")
except OSError:
    pass
if libc.shm_open(f"/{name}".encode(), os.O_RDONLY, 0) >= 0:
    reached("shm_open")
if libc.mq_open(f"/{name}".encode(), os.O_RDONLY) >= 0 or libc.mq_open(b"/grader", os.O_RDONLY) >= 0:
    reached("a message queue")
for kind in ("shm", "msg", "sem"):
    try:
        lines = open(f"/proc/sysvipc/{kind}").read().splitlines()[1:]
    except OSError:
        continue
    if lines:
        reached(f"System V {kind} of others: {lines[0]}")
for number in [*range(300), *range(1 << 15, (1 << 15) * 40, 1 << 15)]:  # numbers as the kernel gives them out
    if libc.shmat(number, None, 0o10000) not in (None, ctypes.c_void_p(-1).value):
        reached(f"the System V segment {number}")
for key in [*range(200), 0x12345678, 0xDEADBEEF, ctypes.c_int(hash(name)).value]:
    for call in (libc.shmget, libc.msgget):
        if call(key, *([0, 0] if call is libc.shmget else [0])) >= 0:
            reached(f"{call.__name__} of the key {key}")
    if libc.semget(key, 0, 0) >= 0:
        reached(f"semget of the key {key}")
