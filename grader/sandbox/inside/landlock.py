"""Walls around files, in the kernel's Landlock, for a process that has no rights to lose.

Where a slot has namespaces, its mounts show it libraries and two private folders, and Landlock says the same once more, from
within and by another part of the kernel: whoever found a way around the mounts still could not write elsewhere. Where it has
none, this is what hides the files of the machine. It also denies TCP, and signals and abstract sockets that leave the slot,
in kernels that know how; the filter of system calls denies them in all. Constants are those of linux/landlock.h.
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
LATEST = 7
SIZES = (8, 16, 24)  # of the structure, as versions 1, 4 and 6 know it
DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
CHANCE = ("/dev/random", "/dev/urandom")
# Looked up in the process that will read them: before, they would be those of another one.
OF_THIS_PROCESS = ("/proc/self/maps", "/proc/self/stat", "/proc/self/statm", "/proc/self/status")
OF_THE_MACHINE = ("/proc/cpuinfo", "/proc/meminfo")
# For a process with a GPU: what NVIDIA's driver says of itself, and the names of one's own threads, which CUDA sets there
# (nolabs-ai/nono pull request 673). What lies beside a name, a process that hides itself and has a user of its own cannot write.
OF_THE_DRIVER = ("/proc/driver/nvidia", "/proc/driver/nvidia-uvm")
OWN_THREADS = "/proc/self/task"


def version() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    return max(0, _call(CREATE_RULESET, None, 0, ASK_VERSION))


def problem() -> str:
    """Return why this kernel has no Landlock, as it says; nothing where it has."""
    return "" if version() else os.strerror(ctypes.get_errno())


def confine(
    readable: Iterable[tuple[str, int]],
    writable: Iterable[str],
    *,
    nodes: Iterable[str] = (),
    most: int = LATEST,
) -> None:
    """Let this process, and all that it will start, do no more with files than `rules` describes; no way back.

    Needs "no new privileges". Raises OSError where it fails, or where the kernel has no Landlock.
    """
    enforce(rules(readable, writable, nodes=nodes, most=most))


def rules(
    readable: Iterable[tuple[str, int]],
    writable: Iterable[str],
    *,
    nodes: Iterable[str] = (),
    most: int = LATEST,
) -> int:
    """Return a descriptor of rules that give rights to files; the caller, or `enforce`, closes it.

    They give each path of `readable`, with all that is in it, the rights that stand beside it, to the folders `writable`
    everything but to make devices, and a few devices; of a GPU's device `nodes` all that a device can be asked. No more is
    used than version `most` of Landlock knows. Raises OSError where the kernel has no Landlock.
    """
    everything, ruleset = _ruleset(min(version(), most))
    try:
        for path, rights in readable:
            _allow(ruleset, path, rights)
        for device in DEVICES:
            _allow(ruleset, device, READ_FILE | WRITE_FILE | (everything & TRUNCATE))
        for path in CHANCE:
            _allow(ruleset, path, READ_FILE)
        for node in nodes:
            _allow(ruleset, node, READ_FILE | WRITE_FILE | (everything & IOCTL_DEVICE))
        for folder in writable:
            _allow(ruleset, folder, everything & ~MAKE_DEVICES)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def enforce(ruleset: int) -> None:
    """Put this process behind rules, and close their descriptor. Behind several, it may do what all of them allow."""
    try:
        _checked(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _ruleset(known: int) -> tuple[int, int]:
    """Return the rights to files that are denied unless a rule gives them, and a descriptor for the rules.

    Some kernels name a version of which they do not know everything: then what an earlier one knows has to do.
    """
    later = (REFER, 2), (TRUNCATE, 3), (IOCTL_DEVICE, 5)
    everything = FIRST_FILE_RIGHTS | sum(right for right, since in later if known >= since)
    attributes = struct.pack("=QQQ", everything, TCP, SCOPES)
    sizes = SIZES[: 1 + (known >= 4) + (known >= 6)]
    for size in reversed(sizes[1:]):
        ruleset = _call(CREATE_RULESET, attributes[:size], size, 0)
        if ruleset >= 0:
            return everything, ruleset
    return everything, _checked(CREATE_RULESET, attributes[: SIZES[0]], SIZES[0], 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Let `path`, and all below, be used with `rights`. A path that is not there is left out."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
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
