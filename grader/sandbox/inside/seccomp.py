"""The filter of system calls: what numeric code has no use for does not exist for a slot.

A list of what is allowed, in `grader.sandbox.inside.system_calls`; everything else is unknown, so that libraries fall back as
they do on an older kernel. Each slot puts up its own as its last wall. Where it has namespaces, its sandbox has stood behind a
wider one before. The program is classic BPF (linux/filter.h, linux/seccomp.h), assembled here.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.sandbox.inside.system_calls import (
    ALLOWED,
    CLONE,
    FCNTL,
    FILE_CHANGES,
    GETPRIORITY,
    GETSOCKOPT,
    IOCTL,
    KILLED,
    LOCKS,
    MADVISE,
    OF_A_CARD,
    OF_A_CLOCK,
    OF_A_PROCESS,
    OPEN,
    OPENAT,
    PRCTL,
    PRLIMIT,
    PROCESSES,
    REFUSED,
    RIGHTS,
    SCHED_SETAFFINITY,
    SENDTO,
    SETPRIORITY,
    SOCKETPAIR,
    Calls,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

KILL, REFUSE, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # SECCOMP_RET_*; REFUSE carries an errno
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
# Offsets in struct seccomp_data; of arguments, those of their lower halves, for both machines are little-endian.
CALL_NUMBER, ARCHITECTURE = 0, 4
FIRST, SECOND, THIRD, FIFTH = 16, 24, 32, 48
UPPER_HALF = 4  # further on
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_CALLS = 0x40000000  # a second table of the same calls on x86_64
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
# The flags with which glibc, and musl, start a thread. Any others may start a process, also one of somebody else's.
THREAD_FLAGS = (0x003D0F00, 0x007D0F00)
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
# Requests to NVIDIA's driver (nv-ioctl-numbers.h, uvm_ioctl.h): of type F; and to its part for unified memory, which has none,
# plain numbers and the two that begin and end it. Which commands they carry lies in memory, where no filter can look. Others of
# type F belong to screens, and of the plain numbers to file systems: neither can be opened, or needs a right that no slot has.
REQUEST_TYPE, OF_THE_DRIVER = 0xFF00, ord("F") << 8
UNIFIED_MEMORY = (0x30000001, 0x30000002)  # UVM_INITIALIZE, UVM_DEINITIALIZE
PLAIN_NUMBERS = 0x100
# Flags and copies of one's own descriptors. Not F_NOTIFY, F_SETLEASE and locks, which tell who else reads a library.
DESCRIPTOR_REQUESTS = {
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "F_DUPFD_CLOEXEC": 1030,
    "F_GETPIPE_SZ": 1032,
}
# Names, and looking at oneself. Not the signal at the parent's end, nor who may look into the process, nor shared pages.
PROCESS_REQUESTS = {
    "PR_GET_PDEATHSIG": 2,
    "PR_GET_DUMPABLE": 3,
    "PR_SET_NAME": 15,
    "PR_GET_NAME": 16,
    "PR_GET_SECCOMP": 21,
    "PR_CAPBSET_READ": 23,
    "PR_GET_TIMERSLACK": 30,
    "PR_GET_NO_NEW_PRIVS": 39,
    "PR_SET_VMA": 0x53564D41,
}
# What tells about the socket itself. Not who is at its other end.
SOCKET_OPTIONS = {
    "SO_TYPE": 3,
    "SO_ERROR": 4,
    "SO_SNDBUF": 7,
    "SO_RCVBUF": 8,
    "SO_PROTOCOL": 38,
    "SO_DOMAIN": 39,
}
SHARED_PAGES = 12  # MADV_MERGEABLE
OWN_CLOCKS = (
    0xFFFFFFFE,
    0xFFFFFFFA,
)  # of this thread and this process; other negative ones are those of others
NEGATIVE = 1 << 31
ACCESS_MODE, READ_ONLY, BOTH = 0b11, 0, 0b11  # O_ACCMODE, O_RDONLY; 3 opens for neither
CREATE, TRUNCATE = 0o100, 0o1000
NAMELESS_FILE = 0o20000000  # the bit that O_TMPFILE has beyond O_DIRECTORY
ONES_OWN = (FIRST, SECOND)  # PRIO_PROCESS and this process, both 0
NO_ADDRESS = (FIFTH, FIFTH + UPPER_HALF)  # of 64 bits
EVERYONE = 0  # as the number of a process: the caller, or its whole group


@dataclass(frozen=True)
class Room:
    """What a task gives its slots: the number of the slot's process, and whether it may change files and start processes."""

    process: int
    files: bool
    processes: bool


def program(machine: str | None = None, room: Room | None = None, *, card: bool = False) -> bytes:
    """Return the filter for `machine` (default: this one) as an array of `struct sock_filter`; empty if unknown.

    With `room` it is that of a slot; without, that of a whole sandbox, in which slots still put up walls. `card`: for a GPU.
    """
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
    code += _sandbox_rules(column) if room is None else _slot_rules(column, room)
    code += _rules(OF_A_CARD, column, ALLOW) if card else []
    code += _requests_to_devices(IOCTL[column], card=card)
    code += _only(FCNTL[column], SECOND, DESCRIPTOR_REQUESTS.values(), errno.EINVAL)
    code += _only(PRLIMIT[column], FIRST, (0,), errno.EPERM)
    code += _only(SCHED_SETAFFINITY[column], FIRST, (0,), errno.EPERM)
    code += _only_zeros(SETPRIORITY[column], ONES_OWN, errno.EPERM)
    code += _rules(KILLED, column, KILL) + _rules(REFUSED, column, REFUSE | errno.EACCES)
    code += _rules(LOCKS, column, REFUSE | errno.ENOLCK)
    code += [_step(RETURN, REFUSE | errno.ENOSYS)]
    return b"".join(code)


def _sandbox_rules(column: int) -> list[bytes]:
    """Return the rules for a whole sandbox: what a namespace of its own, or a slot's own filter, makes harmless."""
    wide = (OPEN, OPENAT, SENDTO, GETSOCKOPT, PRCTL, MADVISE, GETPRIORITY)
    return [
        *_rules({**FILE_CHANGES, **PROCESSES, **RIGHTS, **OF_A_PROCESS, **OF_A_CLOCK}, column, ALLOW),
        *_returns((numbers[column] for numbers in wide if numbers[column] >= 0), ALLOW),
        *_clone_without_namespaces(CLONE[column]),
        *_only(SOCKETPAIR[column], FIRST, (socket.AF_UNIX,), errno.EAFNOSUPPORT),
    ]


def _slot_rules(column: int, room: Room) -> list[bytes]:
    """Return the rules for the process of a slot."""
    own = (room.process,)
    code = _rules(RIGHTS, column, REFUSE | errno.EPERM)
    code += _only(PRCTL[column], FIRST, PROCESS_REQUESTS.values(), errno.EINVAL)
    code += _only(GETSOCKOPT[column], THIRD, SOCKET_OPTIONS.values(), errno.EPERM)
    code += _only_streams(SOCKETPAIR[column])
    code += _only_zeros(SENDTO[column], NO_ADDRESS, errno.EACCES)
    code += _any_but(MADVISE[column], THIRD, (SHARED_PAGES,), errno.EINVAL)
    code += _only_zeros(GETPRIORITY[column], ONES_OWN, errno.EPERM)
    for numbers in OF_A_CLOCK.values():
        code += _only_clocks_of_ones_own(numbers[column])
    code += _rules(FILE_CHANGES, column, ALLOW if room.files else REFUSE | errno.EACCES)
    opening = ((OPENAT[column], THIRD), (OPEN[column], SECOND))
    if room.files:
        code += _returns((number for number, _ in opening if number >= 0), ALLOW)
    else:
        code += [step for number, flags in opening if number >= 0 for step in _only_reading(number, flags)]
    if room.processes:  # only ever in a pid namespace of the slot's own
        processes = _rules({**PROCESSES, **OF_A_PROCESS}, column, ALLOW)
        return code + processes + _clone_without_namespaces(CLONE[column])
    for numbers in OF_A_PROCESS.values():
        code += _only(numbers[column], FIRST, own, errno.EPERM)
    for name in (
        "getpgid",
        "getsid",
        "sched_getaffinity",
        "sched_getparam",
        "sched_getscheduler",
        "sched_rr_get_interval",
    ):
        code += _only(PROCESSES[name][column], FIRST, (EVERYONE, *own), errno.EPERM)
    code += _only(CLONE[column], FIRST, THREAD_FLAGS, errno.EACCES)
    return code + _rules(PROCESSES, column, REFUSE | errno.EACCES)


def _rules(calls: Calls, column: int, action: int) -> list[bytes]:
    """Return steps that end with `action` for any of `calls`."""
    return _returns((numbers[column] for numbers in calls.values() if numbers[column] >= 0), action)


def _only(number: int, argument: int, values: Iterable[int], refusal: int) -> list[bytes]:
    """Return steps that allow call `number` where the argument at that offset is one of `values`."""
    return _body(number, _step(LOAD, argument), *_returns(values, ALLOW), _step(RETURN, REFUSE | refusal))


def _any_but(number: int, argument: int, values: Iterable[int], refusal: int) -> list[bytes]:
    """Return steps that allow call `number` unless the argument at that offset is one of `values`."""
    return _body(number, _step(LOAD, argument), *_returns(values, REFUSE | refusal), _step(RETURN, ALLOW))


def _clone_without_namespaces(number: int) -> list[bytes]:
    refused = _step(RETURN, REFUSE | errno.EPERM)
    look = _step(JUMP_ANY_BIT, NEW_NAMESPACES, if_false=1)
    return _body(number, _step(LOAD, FIRST), look, refused, _step(RETURN, ALLOW))


def _only_streams(number: int) -> list[bytes]:
    """Return steps that allow pairs of Unix stream sockets: a datagram could be sent to another address than the pair's."""
    refused = _step(RETURN, REFUSE | errno.EAFNOSUPPORT)
    return _body(
        number,
        *(_step(LOAD, FIRST), _step(JUMP_EQUAL, socket.AF_UNIX, if_true=1), refused),
        *(_step(LOAD, SECOND), _step(AND, 0xF), _step(JUMP_EQUAL, socket.SOCK_STREAM, if_true=1), refused),
        _step(RETURN, ALLOW),
    )


def _only_zeros(number: int, arguments: Iterable[int], refusal: int) -> list[bytes]:
    """Return steps that allow call `number` where the arguments at all of those offsets are 0."""
    refused = _step(RETURN, REFUSE | refusal)
    steps = [
        step
        for argument in arguments
        for step in (_step(LOAD, argument), _step(JUMP_EQUAL, 0, if_true=1), refused)
    ]
    return _body(number, *steps, _step(RETURN, ALLOW))


def _only_clocks_of_ones_own(number: int) -> list[bytes]:
    """Return steps that refuse the processor time of other processes, whose clocks have negative numbers."""
    own = _returns(OWN_CLOCKS, ALLOW)
    beyond = _step(JUMP_AT_LEAST, NEGATIVE, if_true=1)
    return _body(
        number, _step(LOAD, FIRST), beyond, _step(RETURN, ALLOW), *own, _step(RETURN, REFUSE | errno.EINVAL)
    )


def _only_reading(number: int, flags: int) -> list[bytes]:
    """Return steps that refuse to open a file so that it is made or emptied without a right to write to it.

    Landlock judges what is opened to be written: only devices like /dev/null may be. It does not always judge these two.
    """
    refused = _step(RETURN, REFUSE | errno.EACCES)
    return _body(
        number,
        *(_step(LOAD, flags), _step(JUMP_ANY_BIT, NAMELESS_FILE, if_false=1), refused),
        *(_step(AND, ACCESS_MODE), _step(JUMP_EQUAL, BOTH, if_false=1), refused),
        *(_step(JUMP_EQUAL, READ_ONLY, if_true=1), _step(RETURN, ALLOW), _step(LOAD, flags)),
        *(_step(JUMP_ANY_BIT, CREATE | TRUNCATE, if_false=1), refused, _step(RETURN, ALLOW)),
    )


def _requests_to_devices(number: int, *, card: bool) -> list[bytes]:
    """Return steps that allow DEVICE_REQUESTS, and with `card` those that the driver of a GPU knows."""
    steps = [_step(LOAD, SECOND), *_returns(DEVICE_REQUESTS.values(), ALLOW)]
    if card:
        steps += _returns(UNIFIED_MEMORY, ALLOW)
        steps += [_step(JUMP_AT_LEAST, PLAIN_NUMBERS, if_true=1), _step(RETURN, ALLOW)]
        steps += [_step(AND, REQUEST_TYPE), *_returns((OF_THE_DRIVER,), ALLOW)]
    return _body(number, *steps, _step(RETURN, REFUSE | errno.ENOTTY))


def _body(number: int, *steps: bytes) -> list[bytes]:
    """Return steps for call `number`, each of which ends with a return; none for one that the machine does not have."""
    return [_step(JUMP_EQUAL, number, if_false=len(steps)), *steps] if number >= 0 else []


def _returns(values: Iterable[int], action: int) -> list[bytes]:
    return [
        step for value in values for step in (_step(JUMP_EQUAL, value, if_false=1), _step(RETURN, action))
    ]


def _step(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
