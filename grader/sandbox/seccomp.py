"""The filter of system calls inside a sandbox: what numeric code has no use for is refused by the kernel.

A short list of what is refused, not a long one of what is allowed: libraries change what they call, and a slot has
no rights to begin with. The list takes away the parts of the kernel in which a process without rights has found
a way up before. The program is classic BPF (linux/filter.h, linux/seccomp.h), assembled here.
"""

from __future__ import annotations

import errno
import os
import platform
import struct

KILL, REFUSE, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # SECCOMP_RET_*; REFUSE carries an errno
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
CALL_NUMBER, ARCHITECTURE, FIRST_ARGUMENT = (
    0,
    4,
    16,
)  # offsets in struct seccomp_data; both machines little-endian
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_CALLS = 0x40000000  # a second table of the same calls on x86_64
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

# Numbers are (x86_64, aarch64); -1 where a machine has no such call.
KILLED = {
    # looking into, or taking over, another process
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # another view of the file system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # another view of anything else
    "unshare": (272, 97),
    "setns": (308, 268),
    # large parts of the kernel that few programs use
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, -1),
    "remap_file_pages": (216, 234),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "acct": (163, 89),
    "syslog": (103, 116),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
}
REFUSED = {
    # libraries look whether there is a network, and go on without
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    # memory that the limits would not see, or that would outlive the slot
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # asked for by some libraries, granted to none
    "personality": (135, 92),
    "set_mempolicy": (238, 237),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "vmsplice": (278, 75),
    "execveat": (322, 281),
}
CLONE = (56, 220)
CLONE3 = (435, 435)  # its flags lie in memory, where a filter cannot look; libc falls back to clone


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
    code += _rules(KILLED, column, KILL) + _rules(REFUSED, column, REFUSE | errno.EACCES)
    code += _rules({"clone3": CLONE3}, column, REFUSE | errno.ENOSYS)
    code += [
        _step(JUMP_EQUAL, CLONE[column], if_false=3),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, NEW_NAMESPACES, if_false=1),
        _step(RETURN, REFUSE | errno.EPERM),
        _step(RETURN, ALLOW),
    ]
    return b"".join(code)


def as_file(code: bytes) -> int:
    """Return a descriptor from which bubblewrap can read the filter; the caller closes it."""
    descriptor = os.memfd_create("seccomp")
    os.write(descriptor, code)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _rules(calls: dict[str, tuple[int, int]], column: int, action: int) -> list[bytes]:
    numbers = [numbers[column] for numbers in calls.values() if numbers[column] >= 0]
    return [
        step for number in numbers for step in (_step(JUMP_EQUAL, number, if_false=1), _step(RETURN, action))
    ]


def _step(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
