"""Refuse a slot that does not compile, in the words of its own process, without starting one."""

from __future__ import annotations

from grader.errors import StudentFault, Verdict
from grader.notebooks.program import syntax_error
from grader.sandbox.inside.slot import CELL, classify
from grader.sandbox.inside.tracebacks import SLOT_NAME, describe
from grader.trainer.proxy import cleaned


def syntax_fault(slot_source: str) -> StudentFault | None:
    """Return the fault of a slot that does not compile; None where it does, or only its process can tell."""
    error = syntax_error(slot_source, SLOT_NAME)
    if error is None:
        return None
    text = describe(error)
    verdict, _ = classify(error, text.last_line, {"memory_mb": 0, "threads": 0, "processes": 0, "file_mb": 0})
    if verdict != Verdict.SLOT_ERROR:  # the words of the error look like those of a limit
        return None
    message, traceback = cleaned(f"{CELL} raised {text.last_line}", text.frames)
    return StudentFault(Verdict.SLOT_ERROR, message, traceback=traceback)
