"""The parent's end of one `server.py`: start it, fork sandboxes from it, end it for certain."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import psutil

from grader.errors import GraderFault
from grader.sandbox.inside import huge_pages, libraries
from grader.sandbox.inside.wire import Crossing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from grader.sandbox.card import Card
    from grader.sandbox.cgroup import ControlGroup
    from grader.task.limits import Limits

INSIDE = Path(__file__).resolve().parent / "inside"
FILES = {
    "grader.sandbox.inside.wire": INSIDE / "wire.py",
    "grader.sandbox.inside.tracebacks": INSIDE / "tracebacks.py",
    "grader.sandbox.inside.landlock": INSIDE / "landlock.py",
    "grader.sandbox.inside.system_calls": INSIDE / "system_calls.py",
    "grader.sandbox.inside.seccomp": INSIDE / "seccomp.py",
    "grader.sandbox.inside.rights": INSIDE / "rights.py",
    "grader.sandbox.inside.namespaces": INSIDE / "namespaces.py",
    "grader.sandbox.inside.single": INSIDE / "single.py",
    "grader.sandbox.inside.libraries": INSIDE / "libraries.py",
    "grader.sandbox.inside.huge_pages": INSIDE / "huge_pages.py",
    "grader.sandbox.inside.forks": INSIDE / "forks.py",
    "grader.sandbox.inside.slot": INSIDE / "slot.py",
}
SERVER = INSIDE / "server.py"
MOUNTS_VARIABLE = "GRADER_MOUNTS"  # the folder of what a task mounts, for its programs
START_SECONDS = 120.0  # importing torch from a cold disk
END_SECONDS = 20.0  # a killed process that takes longer is stuck in the kernel
LOG_BYTES = 4000
# Balanced accuracy of small nets moves by up to 0.1 with the number of threads: one, in slots and trainers alike.
# Threads that libraries start when they are imported would be lost in a fork.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas imports pyarrow where it is installed
}


@dataclass(frozen=True)
class ServerCommand:
    """How to start one `server.py`; descriptors in `keep` are handed over and closed here."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    keep: tuple[int, ...] = ()
    group: ControlGroup | None = None


def parent_of(mounts: Sequence[Path]) -> str:
    """Return the folder that has all of what a task mounts, as a text; "" where it mounts nothing."""
    return str(mounts[0].parent) if mounts else ""


class SandboxProcess(Protocol):
    """The first process of a sandbox, which forks its slots."""

    @property
    def forked(self) -> bool:
        """Return whether another one costs next to nothing."""

    @property
    def control(self) -> socket.socket:
        """Return the socket for commands, once the process is there. Raises GraderFault where it did not start."""

    def is_running(self) -> bool:
        """Return whether the process has not ended; one that is being started counts as running."""

    def log(self) -> str:
        """Return the end of what it wrote about a failure of ours."""

    def cpu_seconds(self) -> float:
        """Return the processor time of everything in the sandbox so far."""

    def memory_kills(self) -> int:
        """Return how many processes in the sandbox the kernel killed for want of memory, where it is counted."""

    def end(self) -> None:
        """Kill everything in the sandbox; return when all is gone. Idempotent. Raises GraderFault where something survived."""


class ServerProcess:
    """One running `server.py`, under bubblewrap or plain.

    It is started by a thread that lives as long as the process: the kernel's "die with my parent" means the
    thread that started it, and a caller's thread may be short-lived.
    """

    forked = False

    def __init__(
        self, prepare: Callable[[int, int], ServerCommand], on_end: Callable[[], None] = lambda: None
    ) -> None:
        """`prepare` gets two descriptors of the child: its control socket, and a pipe for bubblewrap's own facts.

        `on_end` is called when nothing is left.
        """
        self._on_end = on_end
        self.control, self._inner = socket.socketpair()
        self._prepare = prepare
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in end()
        self._launched = threading.Event()
        self._group: ControlGroup | None = None
        self._kill: Callable[[], None] = lambda: None
        self._pid = 0  # of the first process in the sandbox, as seen from here
        self._first: int | None = None  # a pidfd of process 1 in the sandbox
        self._problem = ""
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        facts, facts_end = os.pipe()
        try:
            with self._inner, os.fdopen(facts, "rb") as facts_file:
                process = self._start(facts_end)
                self._inner.close()
                self._kill = self._killer(process, facts_file.read())
            self._launched.set()
            process.wait()
        except (OSError, ValueError) as error:
            self._problem = str(error)
        finally:
            self._launched.set()

    def _start(self, facts_end: int) -> subprocess.Popen[bytes]:
        handed = {facts_end}
        try:
            launch = self._prepare(self._inner.fileno(), facts_end)
            handed |= set(launch.keep)
            self._group = launch.group
            return subprocess.Popen(
                launch.argv,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=launch.environment,
                cwd=launch.folder,
                start_new_session=True,
                pass_fds=(self._inner.fileno(), *launch.keep),
            )
        finally:
            for descriptor in handed:
                os.close(descriptor)

    def is_running(self) -> bool:
        """Return whether the process has not ended; one that is being started counts as running."""
        return self._thread.is_alive()

    def log(self) -> str:
        """Return the end of what the process, or bubblewrap, wrote about a failure of ours."""
        return f"{self._problem} {end_of(self._log)}".strip()

    def cpu_seconds(self) -> float:
        """Return the processor time of everything in the sandbox so far."""
        return counted_cpu_seconds(self._group, self._pid)

    def memory_kills(self) -> int:
        """Return how many processes in the sandbox the kernel killed for want of memory, where it is counted."""
        return counted_kills(self._group)

    def _killer(self, process: subprocess.Popen[bytes], facts: bytes) -> Callable[[], None]:
        """Return what ends the whole sandbox.

        Under bubblewrap that is killing process 1 of the pid namespace: the kernel ends the rest of it before
        that process counts as ended, and bubblewrap waits for it, so waiting for bubblewrap waits for all.
        """
        self._pid = process.pid
        if not facts:
            return process.kill
        with contextlib.suppress(ProcessLookupError):
            pid = self._pid = json.loads(facts)["child-pid"]
            first = os.pidfd_open(pid)
            if self._group is not None:
                with contextlib.suppress(OSError):  # the other limits stand
                    self._group.add(pid)
            self._first = first
            return lambda: kill(first)
        return process.kill

    def end(self) -> None:
        """Kill the process and, under bubblewrap, everything in its pid namespace; return when all is gone. Idempotent.

        Raises GraderFault where something survived.
        """
        self._launched.wait()
        self._kill()
        self._thread.join(END_SECONDS)
        self.control.close()
        self._log.close()
        if self._first is not None:
            os.close(self._first)
            self._first, self._kill = None, lambda: None
        if self._group is not None:
            self._group.remove()
        if self._thread.is_alive():
            raise GraderFault("a sandbox could not be ended")
        self._on_end()


def end_of(log: IO[bytes]) -> str:
    """Return the last of what was written to `log`; nothing where it is closed."""
    if log.closed:
        return ""
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), LOG_BYTES, max(0, size - LOG_BYTES)).decode(errors="replace")


def kill(pidfd: int) -> None:
    """Kill the process that `pidfd` stands for, if it has not ended."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def interpreter() -> Path:
    """Return the interpreter behind this one's virtual environment."""
    named = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return (named if named.exists() else Path(sys.executable)).resolve()


def site_folders() -> list[Path]:
    """Return the folders that libraries are installed in; never the folder of this program's own source."""
    known = [*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    named = [
        Path(entry).resolve() for entry in known if Path(entry).name in ("site-packages", "dist-packages")
    ]
    return [path for path in dict.fromkeys(named) if path.is_dir()]


def command(inside: Path, files: dict[str, Path], sites: Iterable[Path], config: dict[str, Any]) -> list[str]:
    """Return the command line of `server.py`. Not isolated mode (-I): that would ignore PYTHONHASHSEED."""
    whole = {
        **config,
        "site": [str(path) for path in sites],
        "files": {name: str(path) for name, path in files.items()},
    }
    return [str(interpreter()), "-s", "-S", "-P", "-B", str(inside), json.dumps(whole)]


def environment(home: str, limits: Limits, *, mounts: str = "", card: Card | None = None) -> dict[str, str]:
    """Return all the environment that a slot gets: one thread, its GPU if any, one order of sets, the folder that has its `mounts`."""
    return {
        **({MOUNTS_VARIABLE: mounts} if mounts else {}),
        **ONE_THREAD,
        **huge_pages.ENVIRONMENT,
        **libraries.environment(limits.threads),
        "CUDA_VISIBLE_DEVICES": card.name if card else "",
        "HOME": home,
        "MPLCONFIGDIR": home,
        "TORCHINDUCTOR_CACHE_DIR": home,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "PYTHONHASHSEED": "0",
        "TMPDIR": home,
        "USER": "student",
    }


def crossing_of(limits: Limits) -> Crossing:
    """Return what `limits` let cross."""
    return Crossing(limits.argument_mb, limits.return_mb, limits.text_mb, limits.values)


def settings_of(limits: Limits) -> dict[str, Any]:
    """Return the limits that `server.py` keeps in one sandbox."""
    return {
        "memory_mb": limits.memory_mb,
        "threads": limits.threads,
        "processes": limits.processes,
        "file_mb": limits.file_mb,
        "crossing": asdict(crossing_of(limits)),
        "cpu_seconds": math.ceil(limits.wall_seconds * limits.threads) + 1,  # it cannot have been more
    }


def counted_cpu_seconds(group: ControlGroup | None, first: int) -> float:
    """Return the processor time of the sandbox in `group`, whose first process is number `first` (0: there is none yet).

    A control group knows also of processes whose times the kernel gave to no parent.
    """
    with contextlib.suppress(OSError):  # the group is gone with the sandbox
        counted = group.cpu_seconds() if group is not None else None
        if counted is not None:
            return counted
    return cpu_seconds(first) if first > 0 else 0.0


def counted_kills(group: ControlGroup | None) -> int:
    """Return how many processes of `group` the kernel killed for want of memory."""
    try:
        return group.kills() if group is not None else 0
    except OSError:
        return 0  # the group is gone with the sandbox


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of process `root`, of its descendants, and of those of them that ended; 0.0 where it is gone.

    Under bubblewrap nothing escapes the count: what loses its parent becomes a child of the first process.
    """
    try:
        first = psutil.Process(root)
        processes = [first, *first.children(recursive=True)]
    except psutil.Error:
        return 0.0
    seconds = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it ended while we looked
            times = process.cpu_times()
            seconds += times.user + times.system
            seconds += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)  # Linux
    return seconds
