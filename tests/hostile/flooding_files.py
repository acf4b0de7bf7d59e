# attack: flooding-files  expect: scored=honest
"""Fill both private folders, with names and without, and leave it all there; a gigabyte would be a hole."""

import contextlib
import os

block, written, kept = bytes(1 << 20), 0, []
for folder in ("/tmp", "/dev/shm", ".", "/var/tmp", "/run"):
    for flags in (os.O_CREAT, os.O_TMPFILE):
        with contextlib.suppress(OSError):
            for number in range(100):
                path = folder if flags == os.O_TMPFILE else f"{folder}/file-{number}"
                kept.append(os.open(path, flags | os.O_RDWR, 0o600))
                with contextlib.suppress(OSError):
                    while written < 1 << 30:
                        written += os.write(kept[-1], block)
if written >= 1 << 30:
    reached("a gigabyte of files")
for place in kept:
    os.close(place)
