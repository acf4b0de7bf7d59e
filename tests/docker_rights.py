"""Run a command with the rights that a container has: `python -I docker_rights.py [--user N] [--namespaces] [--old] COMMAND...`.

Docker's default profile leaves root 14 capabilities, and refuses new namespaces and mounts; before Docker 23, it also refused
Landlock (`--old`). `--namespaces` keeps all as it is and only changes the user.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import struct

# chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
# audit_write, setfcap; the numbers are those of linux/capability.h.
CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
LAST_CAPABILITY = 63
DROP_FROM_BOUND, NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 24, 38, 22, 2  # linux/prctl.h, linux/seccomp.h
COLUMN = {"x86_64": 0, "aarch64": 1}
# unshare, setns, mount, umount2, pivot_root, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
REFUSED = [(272, 97), (308, 268), (165, 40), (166, 39), (155, 41), *((n, n) for n in (*range(428, 434), 442))]
LANDLOCK = [(number, number) for number in (444, 445, 446)]
CLONE, CLONE3 = (56, 220), 435
NEW_NAMESPACES = 0x7E020000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
CALL_NUMBER, FIRST_ARGUMENT = 0, 16


class Program(ctypes.Structure):
    """The `struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def filter_of(machine: str, refused: list[tuple[int, int]]) -> bytes:
    """Return the filter: EPERM for `refused`, ENOSYS for clone3, whose flags no filter can read."""
    column = COLUMN[machine]
    steps = [(LOAD, 0, 0, CALL_NUMBER)]
    for numbers in refused:
        steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, EPERM)]
    steps += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, ENOSYS), (EQUAL, 1, 0, CLONE[column])]
    steps += [(RETURN, 0, 0, ALLOW), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_NAMESPACES)]
    steps += [(RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def leave_namespaces(refused: list[tuple[int, int]]) -> None:
    """Give up the system calls `refused`, namespaces by `clone`, and all rights but Docker's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid():  # no rights to lose; the kernel wants a promise before it takes a filter
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    steps = filter_of(platform.machine(), refused)
    program = Program(len(steps) // 8, steps)
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter was refused")
    for capability in set(range(LAST_CAPABILITY + 1)) - CAPABILITIES:
        libc.prctl(DROP_FROM_BOUND, capability, 0, 0, 0)  # an unknown one is EINVAL, and nobody has it


def main() -> None:
    """Change the rights and become the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int)
    parser.add_argument("--namespaces", action="store_true")
    parser.add_argument("--old", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.namespaces:
        leave_namespaces([*REFUSED, *LANDLOCK] if options.old else REFUSED)
    if options.user is not None:
        os.setgroups([])
        os.setresgid(options.user, options.user, options.user)
        os.setresuid(options.user, options.user, options.user)
    os.execv(options.command[0], options.command)


if __name__ == "__main__":
    main()
