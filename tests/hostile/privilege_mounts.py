# attack: privilege-mounts  expect: scored=honest  alone: slot_error
"""Another view of the file system: the old calls for mounts, all of the new ones, roots, handles of files."""

import ctypes
import os
import platform
import signal

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
COLUMN = 0 if platform.machine() == "x86_64" else 1


def succeeds(action):
    """Try in a child, which a forbidden call may end; true where the call gave no error."""
    child = os.fork()
    if not child:
        got = -1
        try:
            signal.alarm(5)
            got = action()
        finally:
            os._exit(0 if got >= 0 else 1)
    return os.waitpid(child, 0)[1] == 0


NONE, NOW, STRUCT = b"", -100, (ctypes.c_uint64 * 4)()
ALL_MOUNTS = (ctypes.c_uint64 * 3)(24, 2**64 - 1, 0)
HANDLE = (ctypes.c_uint32 * 34)(128)
CALLS = {
    "mount": ((165, 40), b"none", b"/tmp", b"tmpfs", 0, 0),
    "mount bind": ((165, 40), b"/usr/lib", b"/tmp", 0, 4096, 0),
    "mount remount": ((165, 40), 0, b"/usr/lib", 0, 4096 | 32, 0),
    "mount proc": ((165, 40), b"proc", b"/tmp", b"proc", 0, 0),
    "umount": ((166, 39), b"/tmp", 2),
    "umount of libraries": ((166, 39), b"/usr/lib", 2),
    "pivot_root": ((155, 41), b"/tmp", b"/tmp"),
    "chroot": ((161, 51), b"/tmp"),
    "open_tree": ((428, 428), NOW, b"/usr/lib", 1),
    "open_tree to look": ((428, 428), NOW, b"/usr/lib", 0),
    "move_mount": ((429, 429), NOW, b"/usr/lib", NOW, b"/tmp", 0),
    "fsopen": ((430, 430), b"tmpfs", 0),
    "fsopen proc": ((430, 430), b"proc", 0),
    "fspick": ((433, 433), NOW, b"/tmp", 0),
    "mount_setattr": ((442, 442), NOW, b"/usr/lib", 0, STRUCT, 32),
    "listmount": ((458, 458), ALL_MOUNTS, STRUCT, 4, 0),
    "name_to_handle_at": ((303, 264), NOW, b"/usr/lib", HANDLE, ctypes.byref(ctypes.c_int()), 0),
    "swapon": ((167, 224), b"/dev/shm", 0),
    "quotactl": ((179, 60), 0x80000700, b"/dev/vda", 0, STRUCT),
    "acct": ((163, 89), b"/tmp/acct"),
}
for call, ((*numbers,), *given) in CALLS.items():
    if succeeds(lambda: libc.syscall(numbers[COLUMN], *given)):
        reached(call)
for inode in (1, 2, 128):
    handle = (ctypes.c_uint32 * 34)(8, 1, inode, 0)
    for base in filter(os.path.isdir, (b"/usr/lib", b"/tmp", b"/run/slot", b"/")):
        folder = os.open(base, os.O_RDONLY)
        if succeeds(lambda: libc.syscall((304, 265)[COLUMN], folder, handle, os.O_RDONLY)):
            reached(f"a file by its handle, from {base}")
        os.close(folder)
