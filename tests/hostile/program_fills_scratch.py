# attack: program-fills-scratch  expect: scored=honest
"""Fill its folder until no byte fits, with one file that has holes and many small ones, and go on."""

import contextlib
import os

total = 0
with contextlib.suppress(OSError), open("holes", "wb") as file:
    os.truncate(file.fileno(), 1 << 40)
    reached("a file of a terabyte")
with contextlib.suppress(OSError):
    while total < 4 << 30:
        with open(f"part-{total}", "wb") as file:
            total += file.write(bytes(1 << 20))
    reached("four gigabytes of files")
with contextlib.suppress(OSError):
    for number in range(200_000):
        os.mkdir(f"folder-{number}")
    reached("two hundred thousand folders")
