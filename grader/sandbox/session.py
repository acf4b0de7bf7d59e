"""The parent's end of a sandbox and of its slots, whatever confines them."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, Verdict
from grader.sandbox.inside import wire
from grader.sandbox.inside.server import STARTED, TOO_MANY
from grader.sandbox.inside.slot import tasks_in_words, too_many
from grader.sandbox.printed import PrintedText
from grader.sandbox.process import START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.sandbox.contract import Slot, SlotSource
    from grader.sandbox.process import SandboxProcess
    from grader.task.limits import Limits

END_SECONDS = 5.0
CHUNK = 1 << 16
# What OpenMP of GCC and of LLVM, OpenBLAS and Python print where a thread is refused.
_NO_THREAD = (
    b"Thread creation failed",
    b"pthread_create failed",
    b"Can't create thread",
    b"can't start new thread",
)
FORBIDDEN_CALL = "your code made a system call that is not allowed"


class _Gone(Exception):  # noqa: N818 -- the state of the sandbox's process
    """The sandbox's process has ended."""


class SlotSandbox:
    """A sandbox whose process is made by `open_process`.

    A forked one is replaced for each slot; another one, which costs imports, where the slot before damaged it.
    """

    def __init__(
        self,
        name: str,
        limits: Limits,
        open_process: Callable[[], SandboxProcess],
        on_close: Callable[[], None],
    ) -> None:
        self.name = name
        self._limits = limits
        self._open_process = open_process
        self._on_close = on_close
        self._process = open_process()
        self._slot: RunningSlot | None = None
        self._closed = False

    def start_slot(self, source: SlotSource) -> Slot:
        """Start a fresh process for `source`; the slot before is closed. Raises GraderFault where that fails."""
        if self._closed:
            raise GraderFault("the sandbox is closed")
        if self._slot is not None:
            self._slot.close()
            if not self._process.forked:
                with contextlib.suppress(_Gone):
                    self._slot = self._start(source)
                    return self._slot
            self._process.end()
            self._process = self._open_process()
        try:
            self._slot = self._start(source)
        except _Gone:
            raise GraderFault(f"the sandbox ({self.name}) did not start: {self._process.log()}") from None
        return self._slot

    def _start(self, source: SlotSource) -> RunningSlot:
        ours, theirs = socket.socketpair()
        output, output_end = os.pipe()
        status, status_end = os.pipe()
        try:
            try:
                handed = [theirs.fileno(), output_end, status_end]
                socket.send_fds(self._process.control, [b"S"], handed)
            finally:
                theirs.close()
                os.close(output_end)
                os.close(status_end)
            _wait_for_start(status)
            wire.send(ours, asdict(source), wire.PROGRAM_CAPS)
        except (OSError, wire.Closed, _Gone, GraderFault) as error:
            ours.close()
            os.close(output)
            os.close(status)
            if isinstance(error, GraderFault):
                raise
            raise _Gone from None
        return RunningSlot(self._process, ours, (output, status), self._limits)

    def is_running(self) -> bool:
        """Return whether its process is there."""
        return not self._closed and self._process.is_running()

    def close(self) -> None:
        """End everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.ExitStack() as stack:
            stack.callback(self._on_close)
            stack.callback(self._process.end)
            if self._slot is not None:
                self._slot.close()


class RunningSlot:
    """One slot's process, watched by a thread that keeps its output and learns its end."""

    def __init__(
        self, process: SandboxProcess, slot_socket: socket.socket, pipes: tuple[int, int], limits: Limits
    ) -> None:
        self.socket = slot_socket
        self._process = process
        self._output, self._status = pipes
        self._limits = limits
        self._printed = PrintedText(limits)
        self._stopped = False
        self._closed = False
        self._ending = b""
        self._kills_before = process.memory_kills()
        self._cpu_before = process.cpu_seconds()
        self._lock = threading.Lock()
        os.set_blocking(self._output, False)
        self._thread = threading.Thread(target=self._watch, name="slot", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._status, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._status in ready:
                    break
                if not self._drain():
                    selector.unregister(self._output)
        self._ending = os.read(self._status, 100)
        self._drain()

    def _drain(self) -> bool:
        """Keep what is in the output pipe; False where there is no more to come or to keep."""
        with self._lock:
            while not self._printed.too_much and not self._closed:
                try:
                    chunk = os.read(self._output, CHUNK)
                except BlockingIOError:
                    return True
                if not chunk:
                    return False
                if not self._printed.keep(chunk):
                    self._kill()
            return False

    def _kill(self) -> None:
        with contextlib.suppress(OSError):  # the sandbox's process is gone, and the slot with it
            self._process.control.sendall(b"K")

    def output(self) -> str:
        """Return what was printed so far."""
        self._drain()
        return self._printed.text()

    def cpu_seconds(self) -> float:
        """Return the processor time of all processes of the slot, running and ended."""
        return self._process.cpu_seconds() - self._cpu_before

    def memory_mb(self) -> float | None:
        """Return what memory the slot took at its peak, as `inside.Server.end` counts it; None before its end."""
        words = self._ending.split()
        return round(int(words[1]) / 1024, 1) if len(words) > 1 else None

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        """Return why the process ended; None while it runs and after `close`.

        Raises GraderFault where the whole sandbox ended under it.
        """
        self._drain()
        self._thread.join(wait_seconds)
        if flood := self._printed.fault():
            return flood
        if self._stopped or self._thread.is_alive():
            return None
        if self._process.memory_kills() > self._kills_before:
            return StudentFault(
                Verdict.MEMORY_LIMIT, "your processes together needed more memory than they may use"
            )
        if not self._ending:
            raise GraderFault(f"the sandbox ended while a slot ran in it: {self._process.log()}")
        if self._ending.endswith(TOO_MANY.encode()):
            return StudentFault(Verdict.SLOT_CRASHED, too_many(self._limits.model_dump()))
        sentence = _explain_end(int(self._ending.split()[0]))
        if lack := self.lack_of_threads():
            sentence = f"{sentence}: {lack}"
        return StudentFault(Verdict.SLOT_CRASHED, sentence)

    def lack_of_threads(self) -> str:
        """Return the limit that a library met, as it printed; some end the process then, some wait for ever."""
        if not self._printed.holds(_NO_THREAD):
            return ""
        return f"it needed more than the {tasks_in_words(self._limits.model_dump())} it may use"

    def close(self) -> None:
        """End every process of the slot. Idempotent. Raises GraderFault where something survived."""
        if self._closed:
            return
        if self._thread.is_alive():
            self._stopped = True
            self._kill()
            self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            self._process.end()
            self._thread.join(END_SECONDS)
        self._drain()
        with self._lock:
            self._closed = True
            os.close(self._output)
            os.close(self._status)
        self.socket.close()


def _wait_for_start(status: int) -> None:
    """Wait until the sandbox's process says that it forked the slot."""
    with selectors.DefaultSelector() as selector:
        selector.register(status, selectors.EVENT_READ)
        if not selector.select(START_SECONDS):
            raise GraderFault(f"the sandbox did not start within {START_SECONDS:.0f} seconds")
    if os.read(status, len(STARTED)) != STARTED:
        raise _Gone


def _explain_end(code: int) -> str:
    """Return a sentence for an exit code, or for a signal, which counts negative."""
    if code >= 0:
        return f"your code ended its process with exit code {code}"
    if code == -signal.SIGSYS:
        return FORBIDDEN_CALL
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"number {-code}"
    return f"the process of your code was ended by signal {name}"
