"""Libraries for a slot of one process: what starts workers gets threads, and what needs a process says that there is none.

Pools that map a function over values do the same in threads, and a lock of processes is one of threads. Nothing here
confines anybody.
"""

from __future__ import annotations

import _multiprocessing  # type: ignore[import-not-found]
import functools
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

NO_PROCESSES = "your function has one process, and cannot start another"
AS_THREADS = "runs as threads: your function has one process"
_STARTERS = (
    "fork",
    "forkpty",
    "system",
    "popen",
    "posix_spawn",
    "posix_spawnp",
    "execv",
    "execve",
    "spawnv",
    "spawnve",
)


class Semaphore:
    """What `_multiprocessing.SemLock` is to `multiprocessing.synchronize`, for the threads of one process and without a file."""

    SEM_VALUE_MAX = 2**31 - 1
    RECURSIVE = 0  # the kind of a mutex that its owner may take again

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        del name, unlink  # of a file
        self.kind, self.maxvalue, self.name, self.handle = kind, maxvalue, None, 0
        self._value = value
        self._owner, self._taken = 0, 0
        self._changed = threading.Condition()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take one, waiting for it if `block`, for `timeout` seconds at most."""
        end = None if timeout is None else time.monotonic() + max(0.0, timeout)
        with self._changed:
            if self._is_mine() and self.kind == self.RECURSIVE:
                self._taken += 1
                return True
            while not self._value:
                left = None if end is None else end - time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                self._changed.wait(left)
            self._value -= 1
            self._owner, self._taken = threading.get_ident(), self._taken + 1
            return True

    def release(self) -> None:
        """Put one back. Raises AssertionError and ValueError as the original does."""
        with self._changed:
            if self.kind == self.RECURSIVE:
                if not self._is_mine():
                    raise AssertionError("attempt to release recursive lock not owned by thread")
                if self._taken > 1:
                    self._taken -= 1
                    return
            elif self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._value += 1
            self._taken -= 1
            self._changed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_mine(self) -> bool:
        return self._taken > 0 and self._owner == threading.get_ident()

    def _count(self) -> int:
        return self._taken if self._is_mine() else 0

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        """Do nothing: no process is forked."""


def settle() -> None:
    """Let Python's own ways to a process say at once that there is none, and its locks need no file."""
    for name in _STARTERS:
        if hasattr(os, name):
            setattr(os, name, _refuse)
    subprocess.Popen.__init__ = _refuse  # type: ignore[method-assign]
    _multiprocessing.SemLock = Semaphore


def adjustments(threads: int) -> dict[str, Callable[[ModuleType], None]]:
    """Return what to change of which module, when it has been loaded; workers are no more than `threads`."""
    executor = functools.partial(_executor_of_threads, threads=threads)
    return {
        "multiprocessing.process": _no_process,
        "multiprocessing.pool": functools.partial(_pool_of_threads, threads=threads),
        "concurrent.futures": executor,
        "concurrent.futures.process": executor,
        "joblib.externals.loky": executor,
    }


def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    raise PermissionError(NO_PROCESSES)


def _no_process(process: Any) -> None:
    process.BaseProcess.start = _refuse


def _pool_of_threads(pool: ModuleType, threads: int) -> None:
    class PoolOfThreads(pool.ThreadPool):  # type: ignore[name-defined,misc] # of a module that was handed in
        def __init__(
            self,
            processes: int | None = None,
            initializer: Callable[..., object] | None = None,
            initargs: tuple[Any, ...] = (),
            maxtasksperchild: int | None = None,
            context: object = None,
        ) -> None:
            del maxtasksperchild, context  # of processes
            _say("multiprocessing.Pool")
            super().__init__(min(processes or threads, threads), initializer, initargs)

    class PoolModule(type(pool)):  # type: ignore[misc] # others get this pool; the module's own functions mean theirs
        Pool = property(lambda _: PoolOfThreads)

    pool.__class__ = PoolModule


def _executor_of_threads(futures: Any, threads: int) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- a slot that has no use for it shall not wait for it

    class ExecutorOfThreads(ThreadPoolExecutor):
        def __init__(
            self,
            max_workers: int | None = None,
            mp_context: object = None,
            initializer: Callable[..., object] | None = None,
            initargs: tuple[Any, ...] = (),
            **of_processes: object,
        ) -> None:
            del mp_context, of_processes
            _say("ProcessPoolExecutor")
            super().__init__(min(max_workers or threads, threads), "", initializer, initargs)

    futures.ProcessPoolExecutor = ExecutorOfThreads


def _say(name: str) -> None:
    sys.stderr.write(f"{name} {AS_THREADS}\n")
