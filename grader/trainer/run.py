"""Execute one repeat of a rebuilt notebook and say how it ended, and whose fault it is if it failed."""

from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from grader.errors import GraderFault, StudentFault
from grader.notebooks.reading import labels
from grader.notebooks.slots import is_slot
from grader.trainer.attribution import blame_cell, blame_program, blame_slot, blame_time
from grader.trainer.engine import WallClockExceeded
from grader.trainer.job import TrainerRun
from grader.trainer.ledger import Ledger
from grader.trainer.program_watch import ProgramWatch

if TYPE_CHECKING:
    from grader.sandbox import Slot
    from grader.trainer.job import RepeatJob

_PENALTIES = 100  # of a run, that are kept
_PENALTY_CHARACTERS = 500
_PARAMETERS, _NOTE_OF_FAILURE = (
    "injected-parameters",
    "papermill-error-cell-tag",
)  # tags of cells that papermill adds


@dataclass(frozen=True)
class Execution:
    """How one repeat went: wall seconds of the cells and of the slot calls in them; the student's fault, if any.

    `memory_mb` is the slot's (see `Slot.memory_mb`), known when it has been closed. `cpu_seconds` is the processor time of
    the trainer, `slot_cpu_seconds` that of the slot.
    `penalties` are sentences of the notebook's own about returns that cost something, but did not end the run.
    """

    cell_seconds: float
    slot_seconds: float
    slot_calls: int
    device: str
    fault: StudentFault | None
    penalties: list[str]
    memory_mb: float | None = None
    slot_cpu_seconds: float = 0.0
    cpu_seconds: float = 0.0


def execute(notebook: dict[str, Any], slot: Slot, job: RepeatJob) -> Execution:
    """Run `notebook` under papermill, its entries answered by `slot`, and keep `executed.ipynb` in the folder.

    Raises GraderFault where the failure is ours.
    """
    exchange = getattr(slot.socket, "trainer", None)  # of a slot whose socket cannot be handed over
    ledger = Ledger.named() if exchange else Ledger()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="grader-", ignore_cleanup_errors=True) as sockets,
            slot.socket,
        ):
            run = TrainerRun(
                job,
                slot.socket.fileno(),
                ledger.fd,
                Path(sockets),
                exchange=exchange,
                ledger_path=ledger.path,
                watch=_watch(job, ledger, slot),
            )
            job.folder.rebuilt.write_text(json.dumps(notebook), encoding="utf-8")
            fault: StudentFault | None = None
            try:
                fault = _run(run, ledger, slot)
            finally:
                _keep(run.notebook, slot.output() + _first_traceback(ledger), fault, job.folder.executed)
        return Execution(
            cell_seconds=run.cell_seconds,
            slot_seconds=min(ledger.slot_seconds(), run.cell_seconds),
            slot_calls=ledger.calls,
            device=str(ledger.facts().get("device", "unknown")),
            fault=fault,
            penalties=[*_failed_items(ledger), *_penalties(job.folder.path / "penalties.json")],
            slot_cpu_seconds=slot.cpu_seconds(),
            cpu_seconds=run.cpu_seconds,
        )
    finally:
        ledger.close()


def _watch(job: RepeatJob, ledger: Ledger, slot: Slot) -> ProgramWatch | None:
    spec = job.task.spec
    return ProgramWatch(spec.program.seconds, job.on_line, ledger, slot) if spec.kind == "program" else None


def _run(run: TrainerRun, ledger: Ledger, slot: Slot) -> StudentFault | None:
    """Run papermill; return the student's fault, if any, and raise GraderFault for every other failure."""
    job = run.job
    try:
        papermill.execute_notebook(
            str(job.folder.rebuilt).replace("{", "{{").replace("}", "}}"),  # papermill formats its paths
            None,
            parameters=job.parameters(),
            engine_name="grader",
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            trainer_run=run,
        )
    except PapermillExecutionError as error:
        return blame_cell(error, label_of(run.notebook, error.cell_index), ledger, slot)
    except WallClockExceeded:
        if job.stopping.is_set():
            raise GraderFault("the batch was stopped") from None
        return (
            blame_slot(ledger, slot)
            or blame_program(ledger, slot, job.task.spec.program.seconds)
            or blame_time(ledger, slot, job.settings.wall_seconds)
        )
    except DeadKernelError as error:
        raise GraderFault(f"the trainer's process ended unexpectedly; see {job.folder.log}") from error
    except GraderFault:
        raise
    except Exception as error:
        raise GraderFault(f"the trainer failed: {type(error).__name__}: {error}") from error
    if fault := blame_slot(ledger, slot):
        return fault  # protected code caught it
    if not job.folder.predictions.is_file():
        raise GraderFault("the notebook ended without saving its predictions")
    return None


def label_of(notebook: Any, index: int) -> str:
    """Return the name for messages of the cell that failed, at `index` counted from 0, as in the author's notebook.

    Papermill puts its parameters into a cell of their own, and after a failure two more cells that tell of it, which `index`
    does not count.
    """
    executed = [cell for cell in notebook.cells if _NOTE_OF_FAILURE not in cell.metadata.get("tags", [])]
    written = [cell for cell in executed if _PARAMETERS not in cell.metadata.get("tags", [])]
    before = [cell for cell in executed[:index] if _PARAMETERS not in cell.metadata.get("tags", [])]
    return labels({"cells": written})[len(before)]


def _failed_items(ledger: Ledger) -> list[str]:
    """Return a sentence on the calls that failed and cost their items, if there are any."""
    items = ledger.facts().get("items")
    if items is None:
        return []
    failed = f"{items['count']} of {ledger.calls} calls failed and cost their items"
    return [f"{failed}; the first was call {items['number']}: {items['message']}"]


def _first_traceback(ledger: Ledger) -> str:
    """Return what a student should see of the first call that cost an item, below what was printed."""
    items = ledger.facts().get("items")
    return f"\ncall {items['number']} failed:\n{items['traceback'] or items['message']}\n" if items else ""


def _penalties(path: Path) -> list[str]:
    """Return what the notebook noted beside its predictions, shortened; a task without penalties has no such file."""
    if not path.is_file():
        return []
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GraderFault(f"{path.name} is damaged: {error}") from error
    return [str(sentence)[:_PENALTY_CHARACTERS] for sentence in noted[:_PENALTIES]]


def _keep(notebook: Any, printed: str, fault: StudentFault | None, path: Path) -> None:
    """Write the executed notebook with what the student should see: their output, and their own traceback."""
    if notebook is None:
        return
    slot = next((cell for cell in notebook.cells if is_slot(cell)), None)
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        if printed and cell is slot:
            outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text=printed))
        for output in outputs:
            if output.output_type == "error" and fault is not None:
                output.ename, output.evalue = fault.verdict.value, fault.message
                output.traceback = (fault.traceback or fault.message).splitlines()
    with contextlib.suppress(KeyError):
        del notebook.metadata["papermill"]["output_path"]
    nbformat.write(notebook, path)
