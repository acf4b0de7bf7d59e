"""Fork trainers from a parent that has already imported everything a trainer imports.

Importing torch, torchvision, scikit-learn, pandas and matplotlib takes seconds; a fork takes milliseconds.
The parent is started once, imports, stays single-threaded and never touches the GPU, so that each fork is
as good as a fresh process. Run as `python -m grader.trainer.fork_server FD` by `ForkServer`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from grader.errors import GraderFault
from grader.trainer.network import leave_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PRELOADED = (
    "numpy", "torch", "torch.utils.data", "torchvision", "torchvision.transforms", "sklearn.metrics",
    "pandas", "matplotlib.pyplot", "PIL.Image", "tqdm.auto", "ipykernel.kernelapp", "ipykernel.ipkernel",
    "matplotlib_inline.backend_inline", "grader.trainer.proxy",
)  # fmt: skip
# No history file; and nothing is imported from the folder the trainer happens to run in.
KERNEL_OPTIONS = ("--HistoryManager.enabled=False", "--InteractiveShellApp.ignore_cwd=True")
_MESSAGE_BYTES = 1 << 16
_START_SECONDS = 120
_STOP_MILLISECONDS = 200  # how soon it is noticed that a batch is to stop
_PR_SET_PDEATHSIG = 1


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

    Safe to use from several threads.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None

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
                    [sys.executable, "-P", "-m", "grader.trainer.fork_server", str(theirs.fileno())],
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
            answer = self._socket.recv(_MESSAGE_BYTES)
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

        `request` holds `connection_file`, `cwd`, `environment` and `slot` (see `_become_trainer`); `fds` are the
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
        answer, received, _, _ = socket.recv_fds(self._socket, _MESSAGE_BYTES, 1)
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
        if (
            not self._ready
        ):  # it has forked nobody, and would not hear of the end before it has imported everything
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


def _become_trainer(request: dict[str, Any], fds: Sequence[int]) -> NoReturn:
    """Turn this forked process into a kernel that serves `request["connection_file"]`."""
    sock, ledger, log = fds
    os.setsid()
    leave_network()
    # A forked trainer must not outlive the fork server, nor the grader behind it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    gc.enable()

    from ipykernel.kernelapp import IPKernelApp  # noqa: PLC0415 -- imported ahead by the fork server

    from grader.trainer.proxy import ENVIRONMENT  # noqa: PLC0415 -- likewise

    os.environ[ENVIRONMENT] = json.dumps(request["slot"] | {"socket": sock, "ledger": ledger})
    app = IPKernelApp.instance(parent_handle=os.getppid())  # a second way to notice that the parent is gone
    app.initialize(["-f", request["connection_file"], *KERNEL_OPTIONS])
    app.start()
    os._exit(0)


def _serve(sock: socket.socket) -> None:
    """Fork one trainer for each request until the grader hangs up."""
    while True:
        message, fds, _, _ = socket.recv_fds(sock, _MESSAGE_BYTES, 3)
        if not message:
            return
        with contextlib.suppress(ChildProcessError):  # no children at all
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            pid = os.fork()
        except OSError as error:  # no memory, no process numbers: this trainer fails, the others go on
            sock.send(f"{error}".encode())
            _close(fds)
            continue
        if pid == 0:
            sock.close()
            _become_trainer(json.loads(message), fds)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(sock, [str(pid).encode()], [pidfd])
        _close([*fds, pidfd])


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def main() -> None:
    """Import, say so, and serve."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's to handle
    for name in PRELOADED:
        importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        sock.send(f"{threads} threads after the imports; a fork would lose them".encode())
        return
    gc.collect()
    gc.disable()
    gc.freeze()  # forked trainers share these pages instead of copying them at their first collection
    try:
        sock.send(b"ready")
    except BrokenPipeError:
        return  # the grader was ended meanwhile
    _serve(sock)


if __name__ == "__main__":
    main()
