"""HostSnapshot at this machine before and after an attack: files, processes, mounts and the kernel's shared objects.

Two kinds of places are looked at. In the grader's *own* (results, source, tasks, bait) nobody else has any business
meanwhile, and every difference counts, that of a time alone too; but Python's caches fill by themselves. *Shared*
folders (/tmp, the home folder ...) are full of what other programs write at any time. There a difference counts where it
can only be the slot's: the file belongs to a user of the range that slots are given, or the attack's text names it.

Processes are told by descent. While an attack runs the grader adopts orphans (PR_SET_CHILD_SUBREAPER), so that whatever
a slot starts stays below the grader, however it leaves its parents; what others start is never below it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from grader.sandbox.process import site_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ADOPT, _ADOPTS = 36, 37  # PR_SET_CHILD_SUBREAPER and PR_GET_CHILD_SUBREAPER of prctl(2)
_PATIENCE_SECONDS = 2.0  # a process that was killed is gone a moment later
_POLL_SECONDS = 0.05
_MOST_SHOWN = 3
_SHORT = 3  # characters
_CACHE = "__pycache__"  # any Python that reads a source may fill it
# Lists of the kernel, and the columns that name an entry: those of mounts, and of System V's shared objects.
_LISTS = {
    "/proc/self/mountinfo": slice(3, 5),
    "/proc/sysvipc/shm": slice(2),
    "/proc/sysvipc/sem": slice(2),
    "/proc/sysvipc/msg": slice(2),
}


class FileState(NamedTuple):
    """What is known of a file without reading it. A program can set back `modified`, and not `changed`."""

    inode: int
    mode: int
    user: int
    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds


@dataclass(frozen=True)
class HostSnapshot:
    """What was seen at one moment."""

    own: dict[str, FileState]
    shared: dict[str, FileState]
    lists: frozenset[str]
    name: str


@dataclass(frozen=True)
class HostWatch:
    """Where to look: whole trees of the grader's own, and shared folders one level deep.

    `users` is the range of user ids that slots are given; None where they have the grader's.
    """

    own: tuple[Path, ...]
    shared: tuple[Path, ...]
    users: range | None

    def look(self, run: Path) -> HostSnapshot:
        """Return what is there, beside the folder `run` of a submission and what its making does to the one above."""
        own: dict[str, FileState] = {}
        for place in self.own:
            own.update(_tree(place, run))
        return HostSnapshot(
            own=own | _entries([run.parent], times=False),
            shared=_shared(path for folder in self.shared for path in _within(folder)),
            lists=frozenset(line for name, columns in _LISTS.items() for line in _names(name, columns)),
            name=os.uname().nodename,
        )

    def differences(self, before: HostSnapshot, after: HostSnapshot, text: str) -> list[str]:
        """Return what is not as it was, as far as it was not somebody else; `text` is the attack's."""
        found = _differences(before.own, after.own)
        found += [
            difference
            for difference in _differences(before.shared, after.shared)
            if self._is_the_slots(Path(difference.partition(": ")[2]), after.shared, text)
        ]
        found += [f"new in the kernel: {line}" for line in sorted(after.lists - before.lists)]
        found += [f"the machine is called {after.name}"] if before.name != after.name else []
        return shortened(found)

    def _is_the_slots(self, path: Path, entries: Mapping[str, FileState], text: str) -> bool:
        entry = entries.get(str(path))
        if entry is not None and self.users is not None and entry.user in self.users:
            return True
        before = "[\"'/]" if len(path.name) > _SHORT else "/"  # a short text is not always a name
        return re.search(f"{before}{re.escape(path.name)}[\"'/]", text) is not None


def libraries() -> dict[str, tuple[int, ...]]:
    """Return inode, mode, size and time of every file of the installed libraries."""
    found: dict[str, tuple[int, ...]] = {}
    for site in site_folders():
        for folder, below, names in os.walk(site):
            below[:] = [name for name in below if name != _CACHE]
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(OSError):
                    about = path.lstat()
                    found[str(path)] = (about.st_ino, about.st_mode, about.st_size, about.st_mtime_ns)
    return found


def changed_libraries(before: Mapping[str, object]) -> list[str]:
    """Return which files of the libraries are not as they were."""
    return shortened(_differences(before, libraries()))


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Make this process the parent of all below it that lose theirs."""
    prctl, before = ctypes.CDLL(None).prctl, ctypes.c_int()
    prctl(_ADOPTS, ctypes.byref(before), 0, 0, 0)
    prctl(_ADOPT, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_ADOPT, before.value, 0, 0, 0)


def descendants() -> dict[psutil.Process, str]:
    """Return the processes below this one that run, with their names; no other is ever equal to one of them."""
    running: dict[psutil.Process, str] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                running[process] = process.name()
    return running


def end_new(known: Mapping[psutil.Process, str]) -> list[str]:
    """End the processes below this one that are not `known` and do not end by themselves; return what they were."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while left := {process: name for process, name in descendants().items() if process not in known}:
        if time.monotonic() > end:
            break
        time.sleep(_POLL_SECONDS)
    for process in left:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)
    return shortened([f"a process was left: {name} ({process.pid})" for process, name in left.items()])


def shortened(found: list[str]) -> list[str]:
    """Return the first few of `found`, and how many more there are."""
    more = len(found) - _MOST_SHOWN
    return [*found[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _tree(place: Path, run: Path) -> dict[str, FileState]:
    found: dict[str, FileState] = {}
    pending = [place]
    while pending:
        path = pending.pop()
        if path not in (run, run.parent):
            found |= _entries([path])
        if path != run and path.is_dir() and not path.is_symlink():
            pending += [below for below in _within(path) if below.name != _CACHE]
    return found


def _within(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # not there, or not for us


def _entries(paths: Iterable[Path], *, times: bool = True) -> dict[str, FileState]:
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # it is gone already
            about = path.lstat()
            seen = (about.st_size, about.st_mtime_ns, about.st_ctime_ns) if times else (0, 0, 0)
            found[str(path)] = FileState(about.st_ino, about.st_mode, about.st_uid, *seen)
    return found


def _shared(paths: Iterable[Path]) -> dict[str, FileState]:
    """Return what is known of the entries of shared folders; below theirs, others are at work."""
    entries = _entries(paths)
    return {
        path: entry._replace(size=0, modified=0, changed=0) if stat.S_ISDIR(entry.mode) else entry
        for path, entry in entries.items()
    }


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    found = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            what = "new" if path not in before else "gone" if path not in after else "changed"
            found.append(f"{what}: {path}")
    return found


def _names(path: str, columns: slice) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []  # not every kernel has it
    return [f"{path} {' '.join(line.split()[columns])}" for line in lines]
