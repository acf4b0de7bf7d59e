"""Compare this machine before and after an attack: files, processes, mounts and the kernel's shared objects.

There are two kinds of folders. The grader's *private* folders (results, source, tasks, bait) are nobody else's business
meanwhile, so every difference counts, even of a time alone. Only Python's caches fill by themselves. In *shared* folders
(/tmp, the home folder ...) other programs write at any time. There a difference counts if it can only be the slot's: the
file belongs to a user of the range that slots get, or the attack's text names it.

The same holds for the kernel's lists. Somebody else's container mounts its folders meanwhile, and a database makes shared
memory. A mount counts if it lies in these folders or hides them or the libraries, or if the attack speaks of mounts. An
object of System V counts if a slot's user made it.

Processes are identified by descent. While an attack runs, the grader adopts orphans (PR_SET_CHILD_SUBREAPER). So
whatever a slot starts stays below the grader, however it leaves its parents, and what others start is never below it.
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
_MOUNTS = Path("/proc/self/mountinfo")
_ROOT_AND_POINT = slice(3, 5)  # columns of it
# Lists of System V's objects, the column with the user who made one, and those that name it.
_SHARED_OBJECTS = {"shm": 9, "sem": 6, "msg": 9}
_KEY_AND_NUMBER = slice(2)


class FileState(NamedTuple):
    """The state of a file without its content. A program can set back `modified`, but not `changed`."""

    inode: int
    mode: int
    user: int
    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds


@dataclass(frozen=True)
class HostSnapshot:
    """The state of the machine at one moment.

    `mounts` holds what is mounted and where, `objects` who made each object of System V.
    """

    private: dict[str, FileState]
    shared: dict[str, FileState]
    mounts: frozenset[tuple[str, str]]
    objects: dict[str, int]
    name: str


@dataclass(frozen=True)
class HostMonitor:
    """The folders to compare: private ones as whole trees, and shared ones one level deep.

    `users` is the range of user ids that slots get; None where they have the grader's.
    """

    private: tuple[Path, ...]
    shared: tuple[Path, ...]
    users: range | None

    def snapshot(self, run: Path) -> HostSnapshot:
        """Return the state of the machine, without the folder `run` of a submission and the times of its parent."""
        private: dict[str, FileState] = {}
        for folder in self.private:
            private.update(_tree(folder, run))
        return HostSnapshot(
            private=private | _shared([run.parent]),
            shared=_shared(Path(entry) for folder in self.shared for entry in _entries(folder)),
            mounts=frozenset((row[0], row[1]) for row in _rows(_MOUNTS, _ROOT_AND_POINT)),
            objects=_shared_objects(),
            name=os.uname().nodename,
        )

    def differences(self, before: HostSnapshot, after: HostSnapshot, text: str) -> list[str]:
        """Return the differences that are not another program's; `text` is the attack's."""
        differences = _differences(before.private, after.private)
        differences += [
            difference
            for difference in _differences(before.shared, after.shared)
            if self._is_the_slots(Path(difference.partition(": ")[2]), after.shared, text)
        ]
        differences += [
            f"new mount: {point} of {root}"
            for root, point in sorted(after.mounts - before.mounts)
            if "mount" in text or self._is_watched(Path(point))
        ]
        differences += [
            f"new in the kernel: {name}"
            for name, user in sorted(after.objects.items())
            if name not in before.objects and user in (self.users or [os.getuid()])
        ]
        differences += [f"the machine is called {after.name}"] if before.name != after.name else []
        return shortened(differences)

    def _is_watched(self, point: Path) -> bool:
        """Return whether a mount there is in a folder that is compared, or hides one or the libraries."""
        inside = any(point.is_relative_to(folder) for folder in (*self.private, *self.shared))
        return inside or any(
            path.is_relative_to(point) for path in (*self.private, *self.shared, *site_folders())
        )

    def _is_the_slots(self, path: Path, states: Mapping[str, FileState], text: str) -> bool:
        state = states.get(str(path))
        if state is not None and self.users is not None and state.user in self.users:
            return True
        before = "[\"'/]" if len(path.name) > _SHORT else "/"  # a short text is not always a name
        return re.search(f"{before}{re.escape(path.name)}[\"'/]", text) is not None


def libraries() -> dict[str, tuple[int, ...]]:
    """Return inode, mode, size and time of every file of the installed libraries."""
    states: dict[str, tuple[int, ...]] = {}
    for site in site_folders():
        for entry in _below(site):
            if not entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    states[entry.path] = (about.st_ino, about.st_mode, about.st_size, about.st_mtime_ns)
    return states


def _below(folder: Path, left_out: Path | None = None) -> Iterator[os.DirEntry[str]]:
    """Yield everything below `folder`, but the folders of compiled files, and `left_out` with all below it."""
    pending = [str(folder)]
    while pending:  # with os.scandir, the fastest: there are many thousands
        for entry in _entries(pending.pop()):
            is_folder = entry.is_dir(follow_symlinks=False)
            if not (is_folder and entry.name == _CACHE) and entry.path != str(left_out):
                yield entry
                pending += [entry.path] if is_folder else []


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []  # not there, or not for us


def changed_libraries(before: Mapping[str, object]) -> list[str]:
    """Return which files of the libraries changed."""
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
    """Return the running processes below this one, with their names; no other process is ever equal to one of them."""
    running: dict[psutil.Process, str] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                running[process] = process.name()
    return running


def end_new(known: Mapping[psutil.Process, str]) -> list[str]:
    """End the processes below this one that are not `known` and do not end by themselves; return them in words."""
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


def shortened(sentences: list[str]) -> list[str]:
    """Return the first few of `sentences`, and how many more there are."""
    more = len(sentences) - _MOST_SHOWN
    return [*sentences[:_MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _tree(folder: Path, run: Path) -> dict[str, FileState]:
    states = _states([folder])
    for entry in _below(folder, left_out=run):
        if entry.path != str(run.parent):
            with contextlib.suppress(OSError):  # it is gone already
                states[entry.path] = _state(entry.stat(follow_symlinks=False))
    return states


def _states(paths: Iterable[Path]) -> dict[str, FileState]:
    states = {}
    for path in paths:
        with contextlib.suppress(OSError):  # it is gone already
            states[str(path)] = _state(path.lstat())
    return states


def _state(about: os.stat_result) -> FileState:
    seen = (about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    return FileState(about.st_ino, about.st_mode, about.st_uid, *seen)


def _shared(paths: Iterable[Path]) -> dict[str, FileState]:
    """Return the states in shared folders; others write in the folders below."""
    states = _states(paths)
    return {
        path: state._replace(size=0, modified=0, changed=0) if stat.S_ISDIR(state.mode) else state
        for path, state in states.items()
    }


def _differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    differences = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            what = "new" if path not in before else "gone" if path not in after else "changed"
            differences.append(f"{what}: {path}")
    return differences


def _shared_objects() -> dict[str, int]:
    objects = {}
    for kind, creator in _SHARED_OBJECTS.items():
        for row in _rows(Path("/proc/sysvipc", kind), slice(creator + 1))[1:]:  # under a heading
            objects[" ".join((kind, *row[_KEY_AND_NUMBER]))] = int(row[creator])
    return objects


def _rows(path: Path, columns: slice) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []  # not every kernel has it
    return [line.split()[columns] for line in lines]
