"""What a sandbox is: a warm process that forks one fresh process for each slot.

A failure of the sandbox itself raises GraderFault; what the student's process did wrong is a StudentFault,
handed out by `Slot.fault`. The two never mix.

The slot's socket carries frames of `grader.sandbox.inside.wire`:

    grader -> slot    the fields of a SlotSource                             once its walls stand
    slot -> trainer   {"kind": "ready"}                                      after the definition
    trainer -> slot   {"kind": "call", "number": 1.., "entry": str, "args": tuple, "kwargs": dict}   where there are any
    slot -> trainer   {"kind": "answer", "number": int, "value": any}
    slot -> trainer   {"kind": "failed", "verdict": str, "message": str, "traceback": str, "number": int}

A call of an entry that is a class makes an instance, which the slot keeps under the call's number; the answer is None. A call of
`Class.method` also has {"instance": that number}, and any call {"dropped": numbers that are not needed any more}. The slot sends no such number.

`number` is 0 for a failure in the definition. After `failed` the slot's process ends, unless `on_error` is "item" and the
call raised an exception or returned what cannot cross: then it waits for the next call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from grader.errors import StudentFault


@dataclass(frozen=True)
class SlotSource:
    """What runs in a slot: the imports cell, the slot cell, its entries, the seed of that process, what ends it.

    Where the program has several cells, `cells` are their names and texts, and are run instead of `slot`.

    The student's code can find out the seed: derive it from a secret one-way, and from no seed that draws data.
    """

    imports: str
    slot: str
    entries: tuple[str, ...]
    seed: int
    on_error: str = "end"
    methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the entries that are classes
    cells: tuple[tuple[str, str], ...] = ()
    form: str = (
        "slot"  # "notebook": the slot runs when its one entry is called, with the arguments as its variables
    )


class Slot(Protocol):
    """One fresh process with the student's code, and all the processes it starts."""

    @property
    def socket(self) -> socket.socket:
        """The trainer's end; what comes out of it is hostile."""

    def output(self) -> str:
        """Return what was printed so far: decoded, without control characters, capped."""

    def cpu_seconds(self) -> float:
        """Return the processor time of all processes of the slot, running and ended."""

    def memory_mb(self) -> float | None:
        """Return the peak of memory of the slot's largest process, in megabytes beyond the imported libraries.

        Told by the sandbox, which runs no student code. None before the slot's end, and where it was not measured.
        """

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        """Return why the process ended, waiting for its end at most `wait_seconds`.

        Ask when the socket closed without a `failed` frame. None while the process runs, and where it ended
        because `close` was called.
        """

    def lack_of_threads(self) -> str:
        """Return a sentence on the limit of threads, where a library printed that it got no more; else ""."""

    def close(self) -> None:
        """End every process of the slot; nothing is left running. Idempotent."""


class Sandbox(Protocol):
    """A warm process that has imported the libraries, confined or not."""

    @property
    def name(self) -> str:
        """Return what confines it: "namespaces", "Landlock" or "plain process"."""

    def start_slot(self, source: SlotSource) -> Slot:
        """Start a fresh process for the student's code; one slot runs at a time, the one before is closed.

        Waits until the libraries are imported. Raises GraderFault where the sandbox itself failed.
        """

    def is_running(self) -> bool:
        """Return whether its process is there: something else on this machine may have ended it."""

    def close(self) -> None:
        """End everything and remove what was made for it. Idempotent."""
