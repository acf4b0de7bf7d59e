"""How a process gives up its rights, one by one and for good. Constants are those of linux/prctl.h and linux/capability.h."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_LAST = 5, 6, 7, 63
CAPABILITY_VERSION = 0x20080522
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
FILTER_MODE = 2  # SECCOMP_MODE_FILTER


def become(user: int) -> None:
    """Become `user`, in a group of the same number and no other. Raises OSError where that is refused."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def drop_rights(kept: Iterable[int]) -> None:
    """Keep the capabilities `kept` and no others, for good. Raises OSError where that fails."""
    kept = set(kept)
    libc = ctypes.CDLL(None, use_errno=True)
    for right in set(range(CAP_LAST + 1)) - kept:
        libc.prctl(PR_CAPBSET_DROP, right, 0, 0, 0)  # refused for numbers that this kernel does not know
    mask = sum(1 << right for right in kept)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    checked("capset", header, struct.pack("=6I", mask, mask, 0, 0, 0, 0))


def gain_nothing() -> None:
    """Let no program that is started give more rights than this process has."""
    checked("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def filter_calls(program: bytes) -> None:
    """Install the filter of system calls `program`, an array of struct sock_filter. Raises OSError where that fails."""
    buffer = ctypes.create_string_buffer(program, len(program))
    sock_fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    gain_nothing()
    checked("prctl", PR_SET_SECCOMP, FILTER_MODE, sock_fprog, 0, 0)


def go_first() -> None:
    """Where the machine runs out of memory, let the kernel end this process, and what it forks, before any other of ours."""
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def hide() -> None:
    """Let no process of the same user look into this one: not by ptrace, not through /proc."""
    checked("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with(parent: int) -> None:
    """Be killed when the process `parent`, which forked this one, ends. A change of user undoes it: call it after that."""
    checked("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise ProcessLookupError("the process that forked this one has ended")


def checked(function: str, *arguments: object, what: str = "") -> None:
    """Call a function of libc that returns 0. Raises OSError where it does not; `what` takes the place of its name."""
    converted = [ctypes.c_ulong(argument) if type(argument) is int else argument for argument in arguments]
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*converted):
        error = ctypes.get_errno()
        raise OSError(error, f"{what or function}: {os.strerror(error)}")
