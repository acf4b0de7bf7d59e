"""Talk to a fresh process of the student's for each stage of a task, and count what one stage gives to the next.

What a stage returned reached the trainer, and protected code decides what it hands on: nothing else outlives the process. So
what is counted here is all that a stage can give to a later one, whatever shape it has.
"""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import Verdict
from grader.trainer.proxy import Boundary, Channel
from grader.trainer.stages import NEXT, OPEN

if TYPE_CHECKING:
    from pathlib import Path

    from grader.trainer.ledger import Ledger

_VALUE_BYTES = 8  # the most that a number holds; so many bytes of text count as one value
_ANSWER_BYTES = 600


class StageOver(Exception):  # noqa: N818 -- the name shown in the executed notebook
    """Protected code called a function of a stage that is over; the task is at fault."""


class StagedChannel:
    """The trainer's end of the connection to the processes of a task's stages; called like a `Channel`."""

    def __init__(
        self, door: socket.socket, ledger: Ledger, boundary: Boundary, *, first_call: Path | None = None
    ) -> None:
        """Talk over what comes through `door`; the rest is as for a `Channel`."""
        self._door, self._ledger, self._boundary = door, ledger, boundary
        self._first_call = first_call
        self._stage = 0
        self._values = self._bytes = 0
        self._channel = self._open(0)

    def _open(self, calls_before: int) -> Channel:
        self._door.sendall(NEXT)
        answer, descriptors, _, _ = socket.recv_fds(self._door, _ANSWER_BYTES, 1)
        if answer != OPEN or not descriptors:
            raise RuntimeError(
                f"the process of the next stage did not start: {answer.decode(errors='replace')}"
            )
        sock = socket.socket(fileno=descriptors[0])
        first_call, self._first_call = self._first_call, None
        return Channel(sock, self._ledger, self._boundary, first_call=first_call, calls_before=calls_before)

    def wait_until_loaded(self) -> None:
        """Wait for the student's cell to be run in the process of the stage at work. Raises SlotFailure where that failed."""
        self._channel.wait_until_loaded()

    def call(
        self,
        entry: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        *,
        instance: int | None = None,
    ) -> Any:
        """Return what `Channel.call` does, from the process of the stage that `entry` belongs to.

        The first call of a later stage ends the one before. Raises StageOver for a call of an earlier one, and SlotFailure
        where a stage returned more than it may.
        """
        self._go_to(entry)
        answer = self._channel.call(entry, args, kwargs, instance=instance)
        self._count(entry, answer)
        return answer

    def construct(self, entry: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Return what `Channel.construct` does."""
        self._go_to(entry)
        return self._channel.construct(entry, args, kwargs)

    def forget(self, instance: int) -> None:
        """Let the process of the stage at work drop an instance; one of an earlier stage is gone already."""
        self._channel.forget(instance)

    def _go_to(self, entry: str) -> None:
        name = entry.partition(".")[0]
        stage = next(number for number, stage in enumerate(self._boundary.stages) if name in stage["entries"])
        if stage < self._stage:
            raise StageOver(
                f"{entry} belongs to stage {stage + 1}, and stage {self._stage + 1} has begun: its process is gone"
            )
        if stage > self._stage:
            self._stage, self._values, self._bytes = stage, 0, 0
            self._channel = self._open(self._channel.calls)
            self._channel.wait_until_loaded()

    def _count(self, entry: str, answer: Any) -> None:
        stage = self._boundary.stages[self._stage]
        values, size = size_of(answer)
        self._values, self._bytes = self._values + values, self._bytes + size
        if stage["max_values"] and self._values > stage["max_values"]:
            self._refuse(entry, f"{self._values} values", f"{stage['max_values']} values")
        if stage["max_kb"] and self._bytes > stage["max_kb"] << 10:
            self._refuse(entry, f"{math.ceil(self._bytes / 1024)} kB", f"{stage['max_kb']} kB")

    def _refuse(self, entry: str, amount: str, most: str) -> None:
        message = (
            f"with what {entry} returned, this stage gave {amount} to the next; at most {most} are allowed"
        )
        self._channel.refuse(Verdict.INVALID_OUTPUT, message)


def size_of(value: Any) -> tuple[int, int]:
    """Return how many values and bytes a value that crossed holds, so that no shape of it holds more than is counted.

    Each element of an array, each number and each begun 8 bytes of a text, a key or bytes is a value; None and what is empty,
    too, and takes 8 bytes. A list, tuple or dict is one value more than what is in it: how they are nested can say something.
    """
    if isinstance(value, str):
        return _of_bytes(len(value.encode()))
    if isinstance(value, bytes):
        return _of_bytes(len(value))
    if isinstance(value, np.ndarray):
        return max(value.size, 1), max(value.nbytes, _VALUE_BYTES)
    if isinstance(value, dict):
        parts = [size_of(part) for pair in value.items() for part in pair]
    elif isinstance(value, (list, tuple)):
        parts = [size_of(part) for part in value]
    elif hasattr(value, "numel"):  # a tensor; torch need not be imported to know
        return max(value.numel(), 1), max(value.numel() * value.element_size(), _VALUE_BYTES)
    else:
        return 1, _VALUE_BYTES
    return 1 + sum(values for values, _ in parts), _VALUE_BYTES + sum(size for _, size in parts)


def _of_bytes(count: int) -> tuple[int, int]:
    return max(math.ceil(count / _VALUE_BYTES), 1), max(count, _VALUE_BYTES)
