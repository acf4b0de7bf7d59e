"""Namespaces for one sandbox, made by a process that has imported the libraries already: they cost a fork, not an import.

The same walls that bubblewrap builds around a program it starts: processes, network, mounts and IPC of its own, two small
folders to write, no rights beyond those that give a slot another user, the filter of system calls. What is mounted to be
read comes from the bubblewrap around the process that is forked. Constants are those of linux/sched.h, linux/mount.h,
linux/prctl.h and linux/capability.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NEW_MOUNTS, NEW_CGROUP, NEW_IPC = 0x00020000, 0x02000000, 0x08000000
NEW_USER, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SET_USER, NO_DEVICES, NO_EXEC = 1 << 0, 1 << 1, 1 << 2, 1 << 3
RECURSIVE, PRIVATE = 1 << 14, 1 << 18
MOST_FILES = 1 << 14  # in a private folder; empty ones take memory of the kernel that no other limit counts
CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_LAST = 5, 6, 7, 63
CAPABILITY_VERSION = 0x20080522
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 38
FILTER_MODE = 2  # SECCOMP_MODE_FILTER


def separate(*, own_user: bool) -> None:
    """Leave the namespaces of this process; its next child is the first process of a pid namespace.

    With `own_user` a user namespace gives the rights to do so. Raises OSError where the system refuses.
    """
    user, group = os.getuid(), os.getgid()
    kinds = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NETWORK | (NEW_USER if own_user else 0)
    _checked("unshare", ctypes.c_int(kinds))
    if own_user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            Path("/proc/self", name).write_text(text, encoding="ascii")


def furnish(private: Iterable[str], private_bytes: int) -> None:
    """Mount empty folders over `private`, and a /proc of this pid namespace. Raises OSError where that is refused."""
    _checked("unshare", ctypes.c_int(NEW_CGROUP))  # /proc/self/cgroup then names no folder of the machine
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    for folder in private:
        _mount(
            "tmpfs",
            folder,
            "tmpfs",
            NO_SET_USER | NO_DEVICES,
            f"size={private_bytes},nr_inodes={MOST_FILES},mode=1777",
        )
    _mount("tmpfs", "/dev/pts", "tmpfs", NO_SET_USER | NO_DEVICES | READ_ONLY, "size=4096,mode=555")
    _mount("proc", "/proc", "proc", NO_SET_USER | NO_DEVICES | NO_EXEC)


def drop_rights(kept: Iterable[int]) -> None:
    """Keep the capabilities `kept` and no others, for good. Raises OSError where that fails."""
    kept = set(kept)
    libc = ctypes.CDLL(None, use_errno=True)
    for right in set(range(CAP_LAST + 1)) - kept:
        libc.prctl(PR_CAPBSET_DROP, right, 0, 0, 0)  # refused for numbers that this kernel does not know
    mask = sum(1 << right for right in kept)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    _checked("capset", header, struct.pack("=6I", mask, mask, 0, 0, 0, 0))


def filter_calls(program: bytes) -> None:
    """Install the filter of system calls `program`, an array of struct sock_filter. Raises OSError where that fails."""
    buffer = ctypes.create_string_buffer(program, len(program))
    sock_fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _checked("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _checked("prctl", PR_SET_SECCOMP, FILTER_MODE, sock_fprog, 0, 0)


def go_first() -> None:
    """Where the machine runs out of memory, let the kernel end this process, and what it forks, before any other of ours."""
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def hide() -> None:
    """Let no process of the same user look into this one: not by ptrace, not through /proc."""
    _checked("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = (source.encode(), target.encode(), kind and kind.encode())
    _checked("mount", *words, ctypes.c_ulong(flags), options.encode() or None, what=f"mount of {target}")


def _checked(function: str, *arguments: object, what: str = "") -> None:
    converted = [ctypes.c_ulong(argument) if type(argument) is int else argument for argument in arguments]
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*converted):
        error = ctypes.get_errno()
        raise OSError(error, f"{what or function}: {os.strerror(error)}")
