"""A clock that ran out is the student's where their function took the time, with the reason that the sandbox saw."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from grader.errors import GraderFault, StudentFault, Verdict
from grader.trainer.attribution import blame_time
from grader.trainer.ledger import Ledger

if TYPE_CHECKING:
    import socket

LIMIT = "it needed more than the 16 processes or threads it may use"


class BusySlot:
    """A slot that used some processor time, and may have been refused threads."""

    socket: socket.socket

    def __init__(self, cpu_seconds: float, lack: str = "") -> None:
        self._cpu_seconds = cpu_seconds
        self._lack = lack

    def cpu_seconds(self) -> float:
        return self._cpu_seconds

    def lack_of_threads(self) -> str:
        return self._lack

    def memory_mb(self) -> float | None:
        return None

    def output(self) -> str:
        return ""

    def fault(self, wait_seconds: float = 2.0) -> StudentFault | None:
        del wait_seconds
        return None

    def close(self) -> None: ...


def blamed(slot: BusySlot, wall_seconds: float = 0.1) -> StudentFault:
    """Return the fault of a slot whose first call does not come back before the clock runs out."""
    with contextlib.closing(Ledger()) as ledger:
        ledger.begin()
        time.sleep(wall_seconds)
        return blame_time(ledger, slot, wall_seconds)


def test_a_time_limit_names_the_threads_that_a_library_waited_for() -> None:
    fault = blamed(BusySlot(0.0, LIMIT))
    assert fault.verdict is Verdict.TIME_LIMIT
    assert fault.message.endswith(f"still busy in call 1. A library waited for threads: {LIMIT}")


def test_a_time_limit_without_refused_threads_names_none() -> None:
    assert "threads" not in blamed(BusySlot(0.0)).message


def test_where_the_function_took_little_of_the_time_it_is_not_the_students() -> None:
    with contextlib.closing(Ledger()) as ledger, pytest.raises(GraderFault, match=r"only 0\.0 s"):
        blame_time(ledger, BusySlot(0.0, LIMIT), 100)
