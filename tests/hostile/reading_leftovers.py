# attack: reading-leftovers  expect: scored=honest  alone: slot_error
"""Leaves a note in every place that can be written, and looks for the note of an earlier run before that.

Between two runs the private folders are emptied, and each run is a new process.
"""

import ctypes
import os
import subprocess

PRIVATE = [
    *"/tmp /dev/shm /var/tmp /run /dev /dev/mqueue /run/slot".split(),
    os.getcwd(),
    os.path.expanduser("~"),
]
NOTES = [f"{folder}/{name}" for folder in PRIVATE for name in ("left-behind", ".left/behind", "left\nbehind")]
XATTR = "user.left_behind"


def read_notes():
    for path in NOTES:
        if os.path.lexists(path):
            reached(f"a note of an earlier run: {path!r}")
    for folder in PRIVATE:
        try:
            if XATTR in os.listxattr(folder) or int(os.stat(folder).st_atime) == 4_000_000_000:
                reached(f"a note on the folder {folder}")
            if os.stat(folder).st_mode & 0o7777 == 0o1747:
                reached(f"the mode of {folder} as an earlier run set it")
        except OSError:
            pass
    for process in {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getpid()}:
        reached(f"the process {process} is still there")
    if "LEFT_BEHIND" in os.environ or ctypes.CDLL(None).getenv(b"LEFT_BEHIND"):
        reached("a variable of an earlier run")
    if getattr(np, "left_behind", None) or getattr(torch, "left_behind", None):
        reached("a module that an earlier run has changed")


def leave_notes():
    for path in NOTES:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write("learnt")
        except OSError:
            pass
    for folder in PRIVATE:
        if not os.path.exists(folder) or not 0 < os.stat(folder).st_uid == os.getuid():
            continue  # also keeps this from marking folders of a machine where there is no wall
        for mark in (
            lambda: os.setxattr(folder, XATTR, b"learnt"),
            lambda: os.chmod(folder, 0o1747),
            lambda: os.utime(folder, (4_000_000_000, 4_000_000_000)),
        ):
            try:
                mark()
            except OSError:
                pass
    os.environ["LEFT_BEHIND"] = np.left_behind = torch.left_behind = "learnt"
    subprocess.Popen(["/proc/self/exe", "-c", "import time; time.sleep(20)"], start_new_session=True)


read_notes()
leave_notes()
