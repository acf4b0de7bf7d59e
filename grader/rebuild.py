"""Rebuild a submission: our own starter notebook with the student's slot put in, and nothing else of theirs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from grader.cells import Json, read_notebook, slot_cell
from grader.errors import GraderFault, StudentFault, UsageError

if TYPE_CHECKING:
    from grader.task import Task


def load_starter(task: Task) -> Json:
    """Read the task's generated starter notebook.

    Raises UsageError where it was not built, GraderFault where it is damaged.
    """
    try:
        data = task.starter.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"the starter notebook of {task.id} is missing; run: grader build {task.id}"
        ) from error
    try:
        return read_notebook(data)
    except StudentFault as error:
        raise GraderFault(f"the starter notebook of {task.id} is damaged: {error.message}") from error


def rebuild(starter: Json, slot_source: str) -> Json:
    """Return a copy of `starter` with `slot_source` in its slot and all outputs cleared.

    Raises GraderFault where the starter has not exactly one slot.
    """
    notebook = copy.deepcopy(starter)
    slot_cell(notebook)["source"] = slot_source
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return notebook
