"""Start the process that forks trainers, ask it for one, and replace it where it died (see `fork_server_process`)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

# No history file; and nothing is imported from the folder the trainer happens to run in.
KERNEL_OPTIONS = ("--HistoryManager.enabled=False", "--InteractiveShellApp.ignore_cwd=True")
# Importing these starts no threads, which a fork would lose; a trainer itself imports what else its cells name.
FORK_SAFE = frozenset(
    {"numpy", "torch", "torchvision", "scipy", "sklearn", "pandas", "matplotlib", "PIL", "tqdm"}
)
MESSAGE_BYTES = 1 << 16  # of a request or an answer
_COMMAND = (sys.executable, "-P", "-m", "grader.trainer.fork_server_process")
_START_SECONDS = 120
_STOP_MILLISECONDS = 200  # how soon it is noticed that a batch is to stop


class ForkedProcess:
    """A process somebody else forked, with the part of Popen's interface that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._ended = False

    def poll(self) -> int | None:
        """Return None while the process runs, else 1: its true status went to the parent that forked it."""
        return 1 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises TimeoutExpired after `timeout` seconds.
        """
        if not self._has_ended(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("trainer", timeout or 0)
        return 1

    def send_signal(self, signum: int) -> None:
        """Send a signal, which can never reach a later process with the same number."""
        if not self._ended:
            with contextlib.suppress(ProcessLookupError):  # it ended in between
                signal.pidfd_send_signal(self._pidfd, signum)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def _has_ended(self, milliseconds: float | None) -> bool:
        if not self._ended:
            poller = select.poll()
            poller.register(self._pidfd, select.POLLIN)
            if poller.poll(milliseconds):
                self._ended = True
                os.close(self._pidfd)
        return self._ended


class ForkServer:
    """The grader's handle on a fork server, which starts when it is first needed and is replaced if it dies.

    It imports `modules`, beside what every trainer needs. Safe to use from several threads.
    """

    def __init__(self, environment: Mapping[str, str], modules: Collection[str] = ()) -> None:
        self._environment, self._modules = dict(environment), frozenset(modules)
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None

    def serves(self, environment: Mapping[str, str], modules: Collection[str]) -> bool:
        """Return whether a trainer with this environment that imports `modules` finds all of them imported here."""
        return self._environment == environment and self._modules.issuperset(modules)

    def wait_until_ready(self, stopping: threading.Event | None = None) -> None:
        """Start the process where none runs, and wait for its imports.

        Raises GraderFault where they failed, or `stopping` is set meanwhile.
        """
        with self._lock:
            self._start_if_needed()
            self._wait_until_ready(stopping or threading.Event())

    def _start_if_needed(self) -> None:
        if self._closed:
            raise GraderFault("the fork server is closed")
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._start()

    def _start(self) -> None:
        self._ready = False
        self._deadline = time.monotonic() + _START_SECONDS
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_START_SECONDS)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*_COMMAND, str(theirs.fileno()), *sorted(self._modules)],
                    env=self._environment,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                self._socket.close()
                raise GraderFault(f"the fork server did not start: {error}") from error

    def _wait_until_ready(self, stopping: threading.Event) -> None:
        if self._ready:
            return
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while not poller.poll(_STOP_MILLISECONDS):
            if stopping.is_set():  # the imports go on, for whoever needs them next
                raise GraderFault("the batch was stopped")
            if time.monotonic() > self._deadline:
                self._fail("timed out")
        try:
            answer = self._socket.recv(MESSAGE_BYTES)
        except OSError as error:
            self._fail(str(error))
        if answer != b"ready":
            self._fail(answer.decode() or "it ended")
        self._ready = True

    def _fail(self, reason: str) -> NoReturn:
        """Raise GraderFault; whoever asks next gets a new process."""
        self._end()
        raise GraderFault(f"the fork server did not start: {reason}")

    def fork(self, request: dict[str, Any], fds: Sequence[int]) -> ForkedProcess:
        """Fork a trainer.

        `request` holds `connection_file`, `cwd`, `environment` and `slot` (see `fork_server_process`); `fds` are the
        slot's socket, the ledger and the log. Raises GraderFault where the server, and one to replace it, is gone.
        """
        with self._lock:
            self._start_if_needed()
            try:
                return self._fork(request, fds)
            except OSError:
                self._end()
            self._start()
            try:
                return self._fork(request, fds)
            except OSError as error:
                raise GraderFault(f"the fork server is gone: {error}") from error

    def _fork(self, request: dict[str, Any], fds: Sequence[int]) -> ForkedProcess:
        self._wait_until_ready(threading.Event())
        socket.send_fds(self._socket, [json.dumps(request).encode()], list(fds))
        answer, received, _, _ = socket.recv_fds(self._socket, MESSAGE_BYTES, 1)
        if not received and answer:
            raise GraderFault(f"no trainer could be forked: {answer.decode()}")
        if not received:
            raise ConnectionResetError("it ended instead of forking")
        return ForkedProcess(int(answer), received[0])

    def close(self) -> None:
        """End the process; trainers it forked end with it. Idempotent."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        self._socket.close()
        if not self._ready:  # it has forked nobody, and would not hear of the end before its imports are done
            self._process.kill()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class TrainerSource:
    """Where the trainers of a batch come from: forked by `server`; cold without one, and where it cannot start."""

    def __init__(
        self, server: ForkServer | None, on_notice: Callable[[str], None], stopping: threading.Event
    ) -> None:
        self._server, self._on_notice, self._stopping = server, on_notice, stopping
        self._lock = threading.Lock()

    def fork_server(self) -> ForkServer | None:
        """Return the server once it is ready; None for a cold start, which is said once.

        Raises GraderFault where the batch is stopped meanwhile.
        """
        server = self._server
        if server is None:
            return None
        try:
            server.wait_until_ready(self._stopping)
        except GraderFault as fault:
            if self._stopping.is_set():
                raise
            with self._lock:
                if self._server is not None:
                    self._on_notice(f"trainers start cold: {fault}")
                self._server = None
            return None
        return server
