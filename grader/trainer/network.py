"""Take the network away from a trainer: a task must run without one, and what is not there cannot be used against anybody.

The kernel's own connection is a Unix socket in a private folder, which is no network. Run as a program, `python -m
grader.trainer.network MODULE ARGUMENT...` does the same and then becomes that module, for trainers that start cold.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def leave_network() -> bool:
    """Move this process, which must have one thread, into a network namespace of its own; False where that is not allowed.

    An ordinary user needs a user namespace for it, in which every file and process is theirs as before.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if user == 0 and not libc.unshare(CLONE_NEWNET):
        return True
    if user == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return False
    process = Path("/proc/self")
    (process / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    (process / "setgroups").write_text("deny", encoding="ascii")
    (process / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    return True


def main() -> None:
    """Leave the network where that is possible, then run the module that is named."""
    leave_network()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
