"""Know which runs share this machine, and let one have it to itself: over threads, and over processes of one user."""

from __future__ import annotations

import contextlib
import importlib
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from grader.errors import GraderFault

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

_POLL_SECONDS = 0.05
_COUNT_BYTES = 8


class Company:
    """Whether a run has, or had at some time since it began, another one beside it."""

    def __init__(self, shared: Callable[[], bool]) -> None:
        self._shared = shared

    def was_shared(self) -> bool:
        """Return whether another run was on this machine at the same time."""
        return self._shared()


NOBODY = Company(lambda: False)


class Occupancy:
    """The runs of one machine, counted by locks on two files in `folder`; None is one folder for each user.

    Whoever comes passes the file `door`, and stays in the file `room`. A run that wants to be alone waits in the door, so
    that nobody else comes in, until the room is empty. Where the system knows no such locks, no run has company.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def beside_others(self, stopping: threading.Event) -> Iterator[Company]:
        """Stay among others. Raises GraderFault where the batch is stopped while it waits for one that is alone."""
        with self._files() as (locks, door, room):
            if locks is None:
                yield NOBODY
                return
            _take(locks, door, locks.LOCK_EX, stopping)
            visits = _count(door) + 1
            os.pwrite(door.fileno(), visits.to_bytes(_COUNT_BYTES, "little"), 0)
            alone = _try(locks, room, locks.LOCK_EX)
            _take(locks, room, locks.LOCK_SH, stopping)
            locks.flock(door, locks.LOCK_UN)
            yield Company(lambda: not alone or _count(door) != visits)

    @contextlib.contextmanager
    def alone(self, stopping: threading.Event) -> Iterator[Company]:
        """Stay while nobody else does. Raises GraderFault where the batch is stopped while it waits for the others to go."""
        with self._files() as (locks, door, room):
            if locks is not None:
                _take(locks, door, locks.LOCK_EX, stopping)
                _take(locks, room, locks.LOCK_EX, stopping)
            yield NOBODY

    @contextlib.contextmanager
    def with_card(self, name: str, stopping: threading.Event) -> Iterator[None]:
        """Have the GPU called `name` while no other run of this user does.

        Raises GraderFault where the system knows no such locks, or the batch is stopped while it waits.
        """
        try:
            locks: Any = importlib.import_module("fcntl")
            file = _opened((self._folder or _folder_of_user()) / f"card-{name}")
        except (ImportError, OSError) as error:
            raise GraderFault(f"{name} cannot be reserved: {error}") from error
        with file:
            _take(locks, file, locks.LOCK_EX, stopping)
            try:
                yield
            finally:
                locks.flock(file, locks.LOCK_UN)  # a forked process may have it open still

    @contextlib.contextmanager
    def _files(self) -> Iterator[tuple[Any, IO[bytes], IO[bytes]]]:
        """Yield the module of locks, None where there is none, and the two files, opened for this run only."""
        with contextlib.ExitStack() as stack:
            try:
                locks = importlib.import_module("fcntl")
                folder = self._folder or _folder_of_user()
                files = [stack.enter_context(_opened(folder / name)) for name in ("door", "room")]
                for file in files:
                    stack.callback(
                        locks.flock, file, locks.LOCK_UN
                    )  # a forked process may have it open still
            except (ImportError, OSError):
                locks, files = None, [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            yield locks, files[0], files[1]


def _folder_of_user() -> Path:
    """Return this user's folder of locks. Raises OSError where somebody else has taken its name."""
    folder = Path(tempfile.gettempdir(), f"grader-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise PermissionError(f"{folder} is not ours")
    return folder


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b", buffering=0)


def _count(door: IO[bytes]) -> int:
    """Return how many runs have come in since the file was made."""
    return int.from_bytes(os.pread(door.fileno(), _COUNT_BYTES, 0), "little")


def _try(locks: Any, file: IO[bytes], how: int) -> bool:
    try:
        locks.flock(file, how | locks.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take(locks: Any, file: IO[bytes], how: int, stopping: threading.Event) -> None:
    """Wait for a lock on `file`."""
    while not _try(locks, file, how):
        if stopping.wait(_POLL_SECONDS):
            raise GraderFault("the batch was stopped")
