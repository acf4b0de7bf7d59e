"""The plain back end of systems that cannot fork or hand over descriptors, such as Windows: for students' rehearsals.

Each slot is a process that starts from nothing. It and the trainer both call a port of this machine, and what one says is
handed to the other. There is no limit of memory, and no protection: the code is the student's own, on their own machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

import psutil

from grader.errors import GraderFault, StudentFault, Verdict
from grader.sandbox import process
from grader.sandbox.inside import wire
from grader.sandbox.inside.loopback import HOST, LoopbackSocket
from grader.sandbox.printed import PrintedText

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.sandbox.contract import SlotSource
    from grader.task.limits import Limits

_SECRET_BYTES = 16
_CHUNK = 1 << 16
_END_SECONDS = 5.0
_QUIET_SECONDS = 0.05  # what was printed before an answer comes after it, through a pipe of its own


def can_fork() -> bool:
    """Return whether this system forks processes and hands over descriptors as the sandboxes of a grader do."""
    return sys.platform == "linux" and hasattr(os, "fork")


class Exchange(socket.socket):
    """A port of this machine at which a slot and its trainer meet; `slot_secret` and `trainer` say how each gets in."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.bind((HOST, 0))
        self.listen()
        self.port = int(self.getsockname()[1])
        self.slot_secret, self._trainer_secret = (secrets.token_hex(_SECRET_BYTES) for _ in range(2))

    @property
    def trainer(self) -> dict[str, Any]:
        """Return what a trainer needs to be let in, as the arguments of `connect`."""
        return {"port": self.port, "secret": self._trainer_secret}

    def meet(self, first_frame: bytes) -> None:
        """Send the slot its first frame, and hand on what each says to the other until one of them is gone."""
        ends: dict[str, LoopbackSocket] = {}
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):  # the port is closed
            while len(ends) < len((self.slot_secret, self._trainer_secret)):
                accepted, _ = self.accept()
                connection = stack.enter_context(LoopbackSocket(fileno=accepted.detach()))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secret = _read(connection, _SECRET_BYTES).hex()
                if secret in {self.slot_secret, self._trainer_secret}:
                    ends[secret] = connection
                if secret == self.slot_secret:
                    connection.sendall(first_frame)
            slot, trainer = ends[self.slot_secret], ends[self._trainer_secret]
            asking = threading.Thread(target=_pump, args=(trainer, slot), name="to the slot", daemon=True)
            asking.start()
            _pump(slot, trainer)
            asking.join()


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until there is no more, then say so to both: whoever waits hears of the end."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    for connection in (source, target):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class AloneSandbox:
    """Starts a process for each slot; nothing is prepared ahead."""

    name = "plain process"

    def __init__(
        self, limits: Limits, on_close: Callable[[], None] = lambda: None, *, mounts: str = ""
    ) -> None:
        """`mounts` is the folder that has what the task mounts, where it mounts anything."""
        self._limits, self._mounts = limits, mounts
        self._on_close = on_close
        self._slot: AloneSlot | None = None
        self._closed = False

    def start_slot(self, source: SlotSource) -> AloneSlot:
        """Start a fresh process for `source`; the slot before is closed. Raises GraderFault where that fails."""
        if self._closed:
            raise GraderFault("the sandbox is closed")
        if self._slot is not None:
            self._slot.close()
        self._slot = AloneSlot(source, self._limits, self._mounts)
        return self._slot

    def is_running(self) -> bool:
        """Return whether it can still start slots."""
        return not self._closed

    def close(self) -> None:
        """End everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as stack:
            stack.callback(self._on_close)
            if self._slot is not None:
                self._slot.close()


class AloneSlot:
    """One slot's process, whose output a thread keeps."""

    def __init__(self, source: SlotSource, limits: Limits, mounts: str = "") -> None:
        self.socket = Exchange()
        self._printed = PrintedText(limits)
        self._stopped = self._closed = False
        self._home = tempfile.TemporaryDirectory(prefix="slot-", ignore_cleanup_errors=True)
        try:
            self._process = self._start(limits, mounts)
        except OSError as error:
            self.socket.close()
            raise GraderFault(f"the process for your function did not start: {error}") from error
        frame = wire.frame(asdict(source), wire.PROGRAM_CAPS)
        assert self._process.stdout is not None
        self._threads = [
            threading.Thread(target=self.socket.meet, args=(frame,), name="exchange", daemon=True),
            threading.Thread(target=self._keep, args=(self._process.stdout,), name="slot", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _start(self, limits: Limits, mounts: str) -> subprocess.Popen[bytes]:
        config = {
            "port": self.socket.port,
            "secret": self.socket.slot_secret,
            **process.settings_of(limits),
        }
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "grader.sandbox.inside.unforked", json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **process.environment(self._home.name, limits, mounts=mounts)},
            cwd=self._home.name,
            start_new_session=True,  # a group of its own, where there are groups
        )

    def _keep(self, output: IO[bytes]) -> None:
        """Keep what is printed, and end the process where that is too much."""
        while chunk := os.read(output.fileno(), _CHUNK):
            if not self._printed.keep(chunk):
                kill_tree(self._process.pid)
                return

    def output(self) -> str:
        """Return what was printed so far, as soon as no more of it is on its way."""
        before = -1
        while before < len(self._printed) and self._threads[1].is_alive():
            before = len(self._printed)
            self._threads[1].join(_QUIET_SECONDS)
        return self._printed.text()

    def cpu_seconds(self) -> float:
        """Return the processor time of the process and of those that it started, as far as they run."""
        return process.cpu_seconds(self._process.pid)

    def memory_mb(self) -> None:
        """Return None: it is not measured here."""

    def lack_of_threads(self) -> str:
        """Return "": nothing here limits threads."""
        return ""

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        """Return why the process ended; None while it runs and after `close`."""
        if not self._printed.too_much and not self._stopped:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_seconds)
        self._threads[1].join(wait_seconds)
        if flood := self._printed.fault():
            return flood
        if self._stopped or self._process.returncode is None:
            return None
        return StudentFault(
            Verdict.SLOT_CRASHED, f"your code ended its process with exit code {self._process.returncode}"
        )

    def close(self) -> None:
        """End every process of the slot. Idempotent: once it was waited for, its number may be that of another process."""
        if self._closed:
            return
        self._stopped = self._closed = True
        kill_tree(self._process.pid)
        self._process.wait()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits at the port
        self.socket.close()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._home.cleanup()


def kill_tree(pid: int) -> None:
    """Kill a process that leads a group, and all that it started.

    On Windows, which has no groups, what was started by a process that has ended since is not found.
    """
    if hasattr(os, "killpg"):
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # nobody of it is left; macOS says so of zombies
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(pid)
        for member in [*first.children(recursive=True), first]:
            with contextlib.suppress(psutil.Error):
                member.kill()
