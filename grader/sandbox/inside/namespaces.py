"""Namespaces for one sandbox, made by a process that has imported the libraries already: they cost a fork, not an import.

Processes, network, mounts and IPC of its own, as bubblewrap makes them around a program that it starts, and two small folders
to write. What is mounted to be read comes from the bubblewrap around the process that is forked. Constants are those of
linux/sched.h and linux/mount.h.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

from grader.sandbox.inside.rights import checked

if TYPE_CHECKING:
    from collections.abc import Iterable

NEW_MOUNTS, NEW_CGROUP, NEW_IPC = 0x00020000, 0x02000000, 0x08000000
NEW_USER, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SET_USER, NO_DEVICES, NO_EXEC = 1 << 0, 1 << 1, 1 << 2, 1 << 3
RECURSIVE, PRIVATE = 1 << 14, 1 << 18
LEAST_BYTES = 4096  # a size of 0 would be no limit
MOST_FILES = 1 << 14  # in a private folder; empty ones take memory of the kernel that no other limit counts


def separate(*, own_user: bool) -> None:
    """Leave the namespaces of this process; its next child is the first process of a pid namespace.

    With `own_user` a user namespace gives the rights to do so. Raises OSError where the system refuses.
    """
    user, group = os.getuid(), os.getgid()
    kinds = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NETWORK | (NEW_USER if own_user else 0)
    checked("unshare", ctypes.c_int(kinds))
    if own_user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            Path("/proc/self", name).write_text(text, encoding="ascii")


def furnish(private: Iterable[str], private_bytes: int) -> None:
    """Mount empty folders over `private`, and a /proc of this pid namespace. Raises OSError where that is refused.

    Of no bytes, the folders are there and not one file can be made in them, though libraries may think so.
    """
    checked("unshare", ctypes.c_int(NEW_CGROUP))  # /proc/self/cgroup then names no folder of the machine
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    for folder in private:
        _mount(
            "tmpfs",
            folder,
            "tmpfs",
            NO_SET_USER | NO_DEVICES,
            f"size={private_bytes or LEAST_BYTES},nr_inodes={MOST_FILES if private_bytes else 1},mode=1777",
        )
    _mount("tmpfs", "/dev/pts", "tmpfs", NO_SET_USER | NO_DEVICES | READ_ONLY, f"size={LEAST_BYTES},mode=555")
    _mount("proc", "/proc", "proc", NO_SET_USER | NO_DEVICES | NO_EXEC)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = (source.encode(), target.encode(), kind and kind.encode())
    checked("mount", *words, ctypes.c_ulong(flags), options.encode() or None, what=f"mount of {target}")
