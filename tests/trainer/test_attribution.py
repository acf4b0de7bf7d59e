"""A clock that ran out is the student's where their function took the time, with the reason that the sandbox saw."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, cast

import nbformat
import pytest
from papermill.exceptions import PapermillExecutionError
from papermill.execute import raise_for_execution_errors

from grader.errors import StudentFault, Verdict
from grader.trainer.attribution import Overrun, blame_time
from grader.trainer.ledger import Ledger
from grader.trainer.run import label_of

if TYPE_CHECKING:
    import socket

LIMIT = "it needed more than the 16 processes or threads it may use"


@pytest.mark.parametrize(
    ("failing", "label"),
    [(2, "Setup (cell 3)"), (4, "Model (cell 5)"), (5, "A title (cell 6)")],
    ids=["behind the parameters", "under a heading", "with a title"],
)
def test_a_cell_that_fails_has_the_number_of_the_authors_notebook(failing: int, label: str) -> None:
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        markdown("# Setup"),
        code("SEED = 1"),
        code("2"),
        markdown("# Model"),
        code("4"),
        code("#@title A title"),
    ]
    error = nbformat.v4.new_output("error", ename="E", evalue="no", traceback=[])
    cells[failing].outputs.append(error)
    cells.insert(2, code("SEED = 5", metadata={"tags": ["injected-parameters"]}))
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(PapermillExecutionError) as raised:
        raise_for_execution_errors(notebook, None)
    assert label_of(notebook, raised.value.cell_index) == label


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


@pytest.mark.parametrize("calls", [0, 2], ids=["the first stage", "a later one"])
def test_a_time_limit_while_the_cell_is_loaded_says_so(calls: int) -> None:
    with contextlib.closing(Ledger()) as ledger:
        for is_call in [False, *[True] * calls]:
            ledger.begin(call=is_call)
            ledger.end()
        ledger.begin(call=False)
        time.sleep(0.1)
        fault = blame_time(ledger, BusySlot(0.0), 0.1)
    assert fault.message.endswith("and was still busy while your cell was being loaded")


WALL = 100.0


class Waits:
    """A ledger of a run of `WALL` seconds that waited for the slot, and was waiting when the clock ran out, or not."""

    calls = 3
    loading = False

    def __init__(self, seconds: float, *, running: bool) -> None:
        self._seconds, self.running = seconds, running

    def slot_seconds(self) -> float:
        return self._seconds


@pytest.mark.parametrize(
    ("waited", "running", "cpu"),
    [(30, True, 0), (100, True, 0), (60, False, 0), (60, False, 60), (1, False, 40)],
    ids=[
        "sleeps in a call",
        "sleeps in all of it",
        "slow calls that sleep",
        "slow calls",
        "busy while nobody asks",
    ],
)
def test_what_took_the_time_is_the_students_however_little_it_computed(
    waited: float, running: bool, cpu: float
) -> None:
    ledger = cast("Ledger", Waits(waited, running=running))
    assert blame_time(ledger, BusySlot(cpu), WALL).verdict is Verdict.TIME_LIMIT


@pytest.mark.parametrize(
    ("waited", "running", "cpu"),
    [(30, False, 30), (5, True, 5), (0, False, 0)],
    ids=["a slow training", "a call that had hardly begun", "nobody was asked"],
)
def test_where_the_training_took_the_time_it_is_not_the_students(
    waited: float, running: bool, cpu: float
) -> None:
    with pytest.raises(Overrun, match=f"only {waited:.1f} s"):
        blame_time(cast("Ledger", Waits(waited, running=running)), BusySlot(cpu), WALL)
