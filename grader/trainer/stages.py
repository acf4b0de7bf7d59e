"""Start a fresh process of the student's for each stage of a task, at the trainer's call, and look at them as one slot.

The trainer is handed a door instead of a slot's socket: a pair of sockets over which it asks for the next stage. Before that
stage's process reads its program, the one before has been ended, with all that it remembered.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.errors import StudentFault
    from grader.sandbox import Sandbox, Slot, SlotSource

NEXT, OPEN = b"next", b"open"
_END_SECONDS = 90.0  # a sandbox may be starting


class StagedSlot:
    """The slots of a task's stages, one after the other; a `Slot` whose socket is the trainer's end of the door."""

    def __init__(self, sandbox: Sandbox, sources: Sequence[SlotSource]) -> None:
        """Start the process of the first stage. Raises GraderFault where that fails, or where none can be handed over."""
        self._sandbox, self._sources = sandbox, iter(sources)
        self._slot: Slot = sandbox.start_slot(next(self._sources))
        if hasattr(self._slot.socket, "trainer"):
            self._slot.close()
            raise GraderFault("a task with stages runs on Linux only")
        self._lock = threading.Lock()
        self._printed, self._cpu_seconds, self._memory_mb = "", 0.0, [0.0]
        self.socket, self._door = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="stages", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        is_first = True
        with contextlib.suppress(OSError):  # the trainer is gone
            while self._door.recv(len(NEXT)) == NEXT:
                try:
                    if not is_first:
                        self._replace()
                except (GraderFault, OSError) as fault:  # a machine may have no descriptors left
                    self._door.sendall(str(fault).encode()[:500])
                    return
                is_first = False
                with self._slot.socket as sock:  # the trainer gets a copy
                    socket.send_fds(self._door, [OPEN], [sock.fileno()])

    def _replace(self) -> None:
        with self._lock:
            self._printed += self._slot.output()
            self._cpu_seconds += self._slot.cpu_seconds()
            self._slot.close()
            self._memory_mb.append(self._slot.memory_mb() or 0.0)
            self._slot = self._sandbox.start_slot(next(self._sources))

    def output(self) -> str:
        """Return what was printed so far, in all stages."""
        with self._lock:
            return self._printed + self._slot.output()

    def cpu_seconds(self) -> float:
        """Return the processor time of all stages."""
        with self._lock:
            return self._cpu_seconds + self._slot.cpu_seconds()

    def memory_mb(self) -> float | None:
        """Return the peak of the stage that took most; None before the end."""
        last = self._slot.memory_mb()
        return None if last is None else max(last, *self._memory_mb)

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        """Return why the process of the stage at work ended; None while it runs."""
        return self._slot.fault(wait_seconds)

    def lack_of_threads(self) -> str:
        """Return the limit of threads that a library met in the stage at work."""
        return self._slot.lack_of_threads()

    def close(self) -> None:
        """End the process of the stage at work. Idempotent."""
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._thread.join(_END_SECONDS)
        self._slot.close()
        self._door.close()
        self.socket.close()


def open_program(sandbox: Sandbox, sources: Sequence[SlotSource]) -> Slot:
    """Start the student's program in `sandbox`: one process, or, of several `sources`, one for each stage."""
    return StagedSlot(sandbox, sources) if len(sources) > 1 else sandbox.start_slot(sources[0])
