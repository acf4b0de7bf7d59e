"""A second wall around files, in the kernel's Landlock, for a process that has no rights to lose.

The mounts of the sandbox already show libraries read-only and two private folders. Landlock says the same once more, from
within and by another part of the kernel: whoever found a way around the mounts still could not write elsewhere. It also
denies TCP, and signals and abstract sockets that leave the slot. Constants are those of linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the numbers are the same on all machines
ASK_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
PATH_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FIRST_FILE_RIGHTS = (1 << 13) - 1  # of version 1: the above, and to remove and to make anything
MAKE_DEVICES = 1 << 6 | 1 << 11  # character and block devices
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15  # of versions 2, 3 and 5
TCP = 0b11  # bind and connect, of version 4
SCOPES = 0b11  # abstract sockets and signals, of version 6
DEVICES = ("/dev/null", "/dev/zero", "/dev/full")


def version() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    return max(0, _call(CREATE_RULESET, None, 0, ASK_VERSION))


def confine(writable: Iterable[str]) -> None:
    """Let this process, and all that it will start, write in the folders `writable` only; no way back.

    Does nothing where the kernel has no Landlock. Needs "no new privileges". Raises OSError where it fails.
    """
    known = version()
    if not known:
        return
    later = (REFER, 2), (TRUNCATE, 3), (IOCTL_DEVICE, 5)
    everything = FIRST_FILE_RIGHTS | sum(right for right, since in later if known >= since)
    attributes = struct.pack("=QQQ", everything, TCP if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24  # an older kernel knows a shorter structure
    ruleset = _checked(CREATE_RULESET, attributes[:size], size, 0)
    try:
        _allow(ruleset, "/", EXECUTE | READ_FILE | READ_DIR)
        for device in DEVICES:
            _allow(ruleset, device, READ_FILE | WRITE_FILE | (everything & TRUNCATE))
        for folder in writable:
            _allow(ruleset, folder, everything & ~MAKE_DEVICES)
        _checked(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _checked(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _checked(number: int, *arguments: object) -> int:
    result = _call(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused")
    return result


def _call(number: int, *arguments: object) -> int:
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *converted))
