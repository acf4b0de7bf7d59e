"""Check that the generated notebooks are in step with their source, and differ only in the slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.findings import Finding, found
from grader.notebooks.reading import is_code, labels, source
from grader.notebooks.slots import is_slot
from grader.task import build

if TYPE_CHECKING:
    from grader.lint.task.notebooks import Subject
    from grader.notebooks.reading import Json


def check_in_step(subject: Subject) -> Finding:
    """Check that both notebooks are what the author's source builds now."""
    try:
        wrong = build.check(subject.task)
    except UsageError as error:
        wrong = [str(error)]
    return found("built", wrong, "both notebooks are in step with notebook.py, data.py and task.toml")


def check_only_slot_differs(subject: Subject) -> Finding:
    """Check that the solution notebook is the starter with another slot."""
    starter, solution = subject.raw
    wrong = []
    if _without_cells(starter) != _without_cells(solution):
        wrong.append("the notebooks' own metadata differ")
    if len(starter["cells"]) != len(solution["cells"]):
        wrong.append(f"the starter has {len(starter['cells'])} cells, the solution {len(solution['cells'])}")
    for mine, other, label in zip(starter["cells"], solution["cells"], labels(starter), strict=False):
        about = _without_text(mine) == _without_text(other)
        if not about:
            wrong.append(f"{label} has another kind, id or metadata in the solution")
        if not is_slot(mine) and source(mine) != source(other):
            wrong.append(f"{label} differs in the solution; only the slot may")
    return found("slot only", wrong, "starter and solution differ in the slot and in nothing else")


def _without_cells(notebook: Json) -> Json:
    return {name: value for name, value in notebook.items() if name != "cells"}


def _without_text(cell: Json) -> tuple[object, ...]:
    return is_code(cell), cell.get("id"), cell.get("metadata")
