"""The filter of system calls inside a sandbox: what numeric code has no use for does not exist there.

A list of what is allowed, in `grader.sandbox.system_calls`; everything else is unknown to a slot, so that libraries fall
back as they do on an older kernel. The program is classic BPF (linux/filter.h, linux/seccomp.h), assembled here, and
handed to bubblewrap, which installs it right before the sandbox's first program.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import struct
from typing import TYPE_CHECKING

from grader.sandbox.system_calls import (
    ALLOWED,
    CLONE,
    FCNTL,
    IOCTL,
    KILLED,
    PRLIMIT,
    REFUSED,
    SCHED_SETAFFINITY,
    SETPRIORITY,
    SOCKETPAIR,
    Calls,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

KILL, REFUSE, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # SECCOMP_RET_*; REFUSE carries an errno
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# Offsets in struct seccomp_data, of the lower halves of arguments; both machines are little-endian.
CALL_NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_CALLS = 0x40000000  # a second table of the same calls on x86_64
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
# What isatty, tqdm and the flags of descriptors ask for. No device of a sandbox needs more, and requests like TIOCSTI
# (typing into somebody's terminal) are not among them.
DEVICE_REQUESTS = {
    "TCGETS": 0x5401,
    "TIOCGPGRP": 0x540F,
    "TIOCGWINSZ": 0x5413,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450,
    "FIOCLEX": 0x5451,
}
# Flags, copies and locks of one's own descriptors. Not F_NOTIFY and F_SETLEASE, which tell who else reads a library.
DESCRIPTOR_REQUESTS = {
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "F_GETLK": 5,
    "F_SETLK": 6,
    "F_SETLKW": 7,
    "F_OFD_GETLK": 36,
    "F_OFD_SETLK": 37,
    "F_OFD_SETLKW": 38,
    "F_DUPFD_CLOEXEC": 1030,
    "F_GETPIPE_SZ": 1032,
}


def program(machine: str | None = None) -> bytes:
    """Return the filter for `machine` (default: this one) as an array of `struct sock_filter`; empty if unknown."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return b""
    column = list(ARCHITECTURES).index(machine)
    code = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_EQUAL, ARCHITECTURES[machine], if_true=1),
        _step(RETURN, KILL),
        _step(LOAD, CALL_NUMBER),
    ]
    if machine == "x86_64":
        code += [_step(JUMP_AT_LEAST, X32_CALLS, if_false=1), _step(RETURN, KILL)]
    code += _rules(ALLOWED, column, ALLOW)
    code += [
        _step(JUMP_EQUAL, CLONE[column], if_false=4),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, NEW_NAMESPACES, if_false=1),
        _step(RETURN, REFUSE | errno.EPERM),
        _step(RETURN, ALLOW),
    ]
    code += _only(IOCTL[column], SECOND_ARGUMENT, DEVICE_REQUESTS.values(), errno.ENOTTY)
    code += _only(FCNTL[column], SECOND_ARGUMENT, DESCRIPTOR_REQUESTS.values(), errno.EINVAL)
    code += _only(SOCKETPAIR[column], FIRST_ARGUMENT, (socket.AF_UNIX,), errno.EAFNOSUPPORT)
    code += _only(PRLIMIT[column], FIRST_ARGUMENT, (0,), errno.EPERM)
    code += _only(SCHED_SETAFFINITY[column], FIRST_ARGUMENT, (0,), errno.EPERM)
    code += _only_own(SETPRIORITY[column])
    code += _rules(KILLED, column, KILL) + _rules(REFUSED, column, REFUSE | errno.EACCES)
    code += [_step(RETURN, REFUSE | errno.ENOSYS)]
    return b"".join(code)


def as_file(code: bytes) -> int:
    """Return a descriptor from which bubblewrap can read the filter; the caller closes it."""
    descriptor = os.memfd_create("seccomp")
    os.write(descriptor, code)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _rules(calls: Calls, column: int, action: int) -> list[bytes]:
    """Return steps that end with `action` for any of `calls`."""
    return _returns((numbers[column] for numbers in calls.values() if numbers[column] >= 0), action)


def _only(number: int, argument: int, values: Iterable[int], refusal: int) -> list[bytes]:
    """Return steps that allow call `number` where the argument at that offset is one of `values`."""
    body = [_step(LOAD, argument), *_returns(values, ALLOW), _step(RETURN, REFUSE | refusal)]
    return [_step(JUMP_EQUAL, number, if_false=len(body)), *body]


def _only_own(number: int) -> list[bytes]:
    """Return steps that allow call `number` where its first argument is PRIO_PROCESS and its second this process, both 0."""
    refused = _step(RETURN, REFUSE | errno.EPERM)
    body = [
        *(_step(LOAD, FIRST_ARGUMENT), _step(JUMP_EQUAL, 0, if_true=1), refused),
        *(_step(LOAD, SECOND_ARGUMENT), _step(JUMP_EQUAL, 0, if_true=1), refused),
        _step(RETURN, ALLOW),
    ]
    return [_step(JUMP_EQUAL, number, if_false=len(body)), *body]


def _returns(values: Iterable[int], action: int) -> list[bytes]:
    return [
        step for value in values for step in (_step(JUMP_EQUAL, value, if_false=1), _step(RETURN, action))
    ]


def _step(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
