"""Adjust libraries to a process that may start a few threads and no workers: they do the same work, in this process.

Nothing here confines anybody: a slot may undo it, and then meets the limits themselves.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import functools
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from grader.sandbox.inside import single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

NO_WORKERS = "counts as 0: your function has one process"
# Beside libraries: what a slot may open, or libraries want to be there.
_SHOWN = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo"),
    *("/lib", "/lib64"),
)
# Arguments of a DataLoader that only its workers have a use for.
_OF_WORKERS = ("prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout")


def threads_that_fit(threads: int) -> int:
    """Return how many threads a library gets of the `threads` that a slot may have; the others stay free."""
    return max(1, threads // 2)


def environment(threads: int) -> dict[str, str]:
    """Return the variables that libraries read once, while they are loaded."""
    fitting = str(threads_that_fit(threads))
    return {
        "LOKY_MAX_CPU_COUNT": fitting,
        "OMP_THREAD_LIMIT": fitting,
        "TORCHDYNAMO_DISABLE": "1",  # `torch.compile` returns the function as it is: there is no compiler
        "TORCH_COMPILE_DISABLE": "1",
    }


def adjust(threads: int, processes: int, seed: int) -> None:
    """Adjust what is loaded, and what will be, as soon as it is. `seed` is torch's."""
    fitting = threads_that_fit(threads)
    _count_fewer_cores(fitting)
    _refuse_threads_beyond(threads)
    # Whether or not something can be written there: libraries ask for its name.
    tempfile.tempdir = os.environ["TMPDIR"]
    os.environ |= {"PYTHONPATH": os.pathsep.join(sys.path)}  # for a Python that the slot starts
    adjustments: dict[str, Callable[[ModuleType], None]] = {
        "joblib.parallel": _threads_for_workers,
        "torch": functools.partial(_settle_torch, threads=fitting, seed=seed),
        "threadpoolctl": functools.partial(_fewer_threads, threads=fitting),
        "torch.utils.data.dataloader": _load_here,
    }
    if processes == 1:
        adjustments |= single.adjustments(fitting)
        single.settle()
    else:
        adjustments["multiprocessing.context"] = _fork_without_server
    for name, adjustment in adjustments.items():
        if name in sys.modules:
            adjustment(sys.modules[name])
    sys.meta_path.insert(0, _Adjusting(adjustments))


def hide_all_but(readable: Sequence[str]) -> None:
    """Let Python say of what could not be opened that it is not there, as where nothing else is mounted.

    Landlock keeps a file from being opened, and not from being seen: whoever looks first and then opens would fail.
    """
    shown = tuple(os.path.realpath(path) for path in (*readable, *_SHOWN))
    inside = tuple(f"{path}/" for path in shown)
    above = {tempfile.gettempdir(), *(folder for path in shown for folder in _folders_above(path))}

    def is_shown(path: Any) -> bool:
        if isinstance(path, int):
            return True
        text = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 -- a link is not followed: that would look again
        return text in above or text in shown or text.startswith(inside)

    for name in ("stat", "lstat"):
        setattr(os, name, _hiding(getattr(os, name), is_shown))
    access = os.access
    os.access = lambda path, *args, **kwargs: is_shown(path) and access(path, *args, **kwargs)


def _hiding(look: Callable[..., Any], is_shown: Callable[[Any], bool]) -> Callable[..., Any]:
    @functools.wraps(look)
    def look_at_shown(path: Any, *args: Any, **kwargs: Any) -> Any:
        result = look(path, *args, **kwargs)
        if not is_shown(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return result

    return look_at_shown


def _folders_above(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)  # noqa: PTH120 -- of texts, in every slot
        yield path


def _count_fewer_cores(threads: int) -> None:
    """Let pools that are as large as the machine be no larger than they can start."""
    os.cpu_count = lambda: threads
    if sys.version_info >= (3, 13):
        os.process_cpu_count = lambda: threads
    if sys.platform == "linux":
        cores = os.sched_getaffinity
        os.sched_getaffinity = lambda process: set(sorted(cores(process))[:threads])


def _refuse_threads_beyond(threads: int) -> None:
    """Let Python say that there are no more threads, where the kernel counts those of others with them, or none at all."""
    start = _thread.start_new_thread

    def start_new_thread(*args: Any) -> int:
        if _thread._count() + 1 >= threads:  # noqa: SLF001 -- there is no public way
            raise RuntimeError("can't start new thread")
        return start(*args)

    _thread.start_new_thread = threading._start_new_thread = start_new_thread  # type: ignore[attr-defined] # noqa: SLF001


class _Adjusting(importlib.abc.MetaPathFinder):
    """Find some modules where they are, and adjust each when it has been loaded."""

    def __init__(self, adjustments: dict[str, Callable[[ModuleType], None]]) -> None:
        self._adjustments = adjustments

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        adjustment = self._adjustments.get(fullname)
        spec = adjustment and importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if not adjustment or not spec or not spec.loader:
            return None
        load = spec.loader.exec_module

        def load_and_adjust(module: ModuleType) -> None:
            load(module)
            adjustment(module)

        spec.loader.exec_module = load_and_adjust  # type: ignore[method-assign] # of this one module's loader
        return spec


def _fork_without_server(context: Any) -> None:
    """Let worker processes be forked from this one: a fork server, the default from Python 3.14 on, needs sockets."""
    methods, default = context._concrete_contexts, context._default_context  # noqa: SLF001 -- there is no public way
    if (
        sys.platform != "linux" or "fork" not in methods
    ):  # nothing refuses sockets there, nor can all be forked
        return
    if default._default_context is methods["forkserver"]:  # noqa: SLF001
        default._default_context = methods["fork"]  # noqa: SLF001
    methods["forkserver"] = methods["fork"]


def _threads_for_workers(parallel: Any) -> None:
    """Let joblib, and scikit-learn's `n_jobs`, use threads in place of processes."""

    class Threads(parallel.ThreadingBackend):  # type: ignore[misc] # joblib is untyped
        supports_inner_max_num_threads = True  # as processes do; here they share this one's

    parallel.BACKENDS |= {"loky": Threads, "multiprocessing": Threads}
    parallel.DEFAULT_BACKEND = "threading"


def _fewer_threads(threadpoolctl: Any, threads: int) -> None:
    """Let no library be set to more threads than it can start: some hang when the system refuses one."""
    for controller in threadpoolctl.LibController.__subclasses__():
        setter = controller.set_num_threads

        def set_num_threads(self: Any, num_threads: int, setter: Any = setter) -> Any:
            return setter(self, min(num_threads, threads))

        controller.set_num_threads = set_num_threads


def _settle_torch(torch: Any, threads: int, seed: int) -> None:
    """Seed torch, and give it one thread for an operation: the trainer owns the cores, and one thread adds up in one order."""
    torch.manual_seed(seed % 2**63)
    torch.set_num_threads(1)
    _fewer_between_operations(torch, threads)


def _fewer_between_operations(torch: Any, threads: int) -> None:
    """Let torch's second pool, for operations side by side, be one that can be started: it waits for ever for a refused thread.

    Its size can be set only once, so a slot that sets it after that changes nothing.
    """
    setter = torch.set_num_interop_threads

    def set_num_interop_threads(count: int) -> None:
        with contextlib.suppress(RuntimeError):
            setter(min(count, threads))

    if torch.get_num_interop_threads() > threads:
        set_num_interop_threads(threads)
    torch.set_num_interop_threads = set_num_interop_threads


def _load_here(dataloader: Any) -> None:
    """Let torch's DataLoader load in this process, and say so."""
    loader = dataloader.DataLoader
    begin, signature = loader.__init__, inspect.signature(loader.__init__)

    @functools.wraps(begin)
    def begin_without_workers(self: Any, *args: Any, **kwargs: Any) -> None:
        given = signature.bind(self, *args, **kwargs)
        count = given.arguments.get("num_workers", 0)
        if count:
            sys.stderr.write(f"DataLoader: num_workers={count} {NO_WORKERS}\n")
            given.arguments["num_workers"] = 0
            for name in _OF_WORKERS:
                given.arguments.pop(name, None)
        begin(*given.args, **given.kwargs)

    loader.__init__ = begin_without_workers
