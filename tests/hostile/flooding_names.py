# attack: flooding-names  expect: scored=honest
"""Names and depths that whoever clears up may trip over: endless, unprintable, closed, in circles."""

import contextlib
import os

LONG, DEEP = b"n" * 255, "d" * 255
for name in (LONG, b"\xff\xfe\n\r\t \x1b[2J", b"-rf", b"*", b"...", " \u202e\u2066".encode(), b"$(reboot)"):
    with contextlib.suppress(OSError):
        os.mkdir(b"/tmp/" + name)
        os.symlink(b"/tmp/" + name, b"/tmp/" + name + b"/circle")
        os.symlink(b"/usr/lib", b"/dev/shm/" + name)
        os.mkfifo(b"/tmp/" + name + b"/fifo")
with contextlib.suppress(OSError):
    for depth in range(4_000):
        os.mkdir(DEEP)
        os.chdir(DEEP)
        if depth % 500 == 0:
            os.mkdir("closed", 0o000)
            open("file", "w").close()
            os.link("file", "/tmp/outside-%d" % depth)
            os.chmod("file", 0o000)
    os.chmod(".", 0o000)
os.chdir("/tmp")
for folder in ("/tmp", "/dev/shm"):
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o000)
