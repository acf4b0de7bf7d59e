"""Refuse a slot that does not compile, in the words of its own process, without starting one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import StudentFault, Verdict
from grader.notebooks.program import syntax_error
from grader.notebooks.slots import parts, slot_cells
from grader.sandbox.inside.slot import CELL, classify
from grader.sandbox.inside.tracebacks import cell_name, describe
from grader.trainer.proxy import cleaned

if TYPE_CHECKING:
    from grader.notebooks.reading import Json


def syntax_fault(program: str, starter: Json) -> StudentFault | None:
    """Return the fault of the first cell of a program that does not compile.

    None where all do, or only their process can tell.
    """
    cells = parts(slot_cells(starter), program)
    errors = (syntax_error(text, cell_name(slot.name)) for slot, text in cells)
    error = next((error for error in errors if error is not None), None)
    if error is None:
        return None
    text = describe(error)
    verdict, _ = classify(error, text.last_line, {"memory_mb": 0, "threads": 0, "processes": 0, "file_mb": 0})
    if verdict != Verdict.SLOT_ERROR:  # the words of the error look like those of a limit
        return None
    message, traceback = cleaned(f"{CELL} raised {text.last_line}", text.frames)
    return StudentFault(Verdict.SLOT_ERROR, message, traceback=traceback)
