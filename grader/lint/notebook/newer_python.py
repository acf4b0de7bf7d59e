"""Warn of a notebook that is graded in an older Python than it was written in, before it is handed in."""

from __future__ import annotations

import ast
import platform
from typing import TYPE_CHECKING

from grader.errors import StudentFault
from grader.lint.notebook.diagnostic import Diagnostic, Severity
from grader.notebooks.program import syntax_error
from grader.notebooks.reading import python_version, read_notebook
from grader.notebooks.slot import slot_numbers
from grader.notebooks.versions import minor, series
from grader.notebooks.whole_program import joined_cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.notebooks.reading import Json
    from grader.notebooks.whole_program import JoinedCells


def newer_python(data: bytes, starter: Json, graded: str) -> list[Diagnostic]:
    """Return what the version `graded` of Python, in which the notebook in `data` is graded, will not do.

    Nothing is reported where neither the notebook nor this process runs a newer one, or the notebook cannot be read.
    """
    try:
        notebook = read_notebook(data)
    except StudentFault:
        return []
    here, theirs = platform.python_version(), python_version(notebook)
    diagnostics = []
    if theirs and minor(theirs) > minor(graded):
        diagnostics.append(_note(f"your notebook ran Python {series(theirs)}", graded))
    elif minor(here) > minor(graded):
        diagnostics.append(_note(f"this check runs Python {series(here)}", graded))
    return [*diagnostics, *_syntax(notebook, starter, graded)]


def _note(running: str, graded: str) -> Diagnostic:
    return Diagnostic(
        Severity.NOTE, "python", 0, 0, 0, 0,
        f"{running}, and it is graded in Python {series(graded)}: what a newer Python added is not there",
        f"try it once in Python {series(graded)}", "",
    )  # fmt: skip


def _syntax(notebook: Json, starter: Json, graded: str) -> Iterator[Diagnostic]:
    """Yield the first error that the parser of this Python finds where it is to keep to an older one's grammar."""
    try:
        numbers = slot_numbers(notebook, starter)
    except StudentFault:
        return
    for number in numbers:
        yield from _syntax_of(joined_cells(notebook, starter, number), graded)


def _syntax_of(program: JoinedCells, graded: str) -> Iterator[Diagnostic]:
    text = program.text
    if syntax_error(text, "the slot"):
        return  # it is none in this Python either, which is reported already
    try:
        ast.parse(text, feature_version=minor(graded))
    except SyntaxError as error:
        line = error.lineno or 0
        number, shown = program.locate(line)
        lines = text.split("\n")
        yield Diagnostic(
            Severity.ERROR, "syntax", number, shown, error.offset or 1, 1,
            f"this is not valid in Python {series(graded)}, in which it is graded: {error.msg}",
            "write it in another way", lines[line - 1] if 0 < line <= len(lines) else "",
        )  # fmt: skip
    except (ValueError, RecursionError, MemoryError):
        return  # deeper than this process can go; the run decides
