"""Check that the flag and the other parameters that papermill sets are assigned once, in their own cell."""

from __future__ import annotations

import ast
import difflib
import re
from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.lint.task.bindings import bound_by
from grader.notebooks.program import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.task.notebooks import Cell, Subject

FLAG = "FINAL_EVALUATION_MODE"
_CAPITALS = re.compile(r"\b[A-Z][A-Z0-9_]{3,}\b")
_NEAR = 0.8  # of 1: how alike a misspelt flag is


def check_flag(subject: Subject) -> Finding:
    """Check that there is one flag with one value, and that no other cell sets a parameter."""
    wrong: list[str] = []
    for face, cells in subject.faces:
        wrong += [f"{face}: {sentence}" for sentence in _of_notebook(cells)]
    return found("flag", wrong, f"{FLAG} = False, set once; no other cell sets a parameter")


def _of_notebook(cells: tuple[Cell, ...]) -> Iterator[str]:
    holders = [cell for cell in cells if "parameters" in cell.tags and cell.is_code]
    if len(holders) != 1:
        yield f"{len(holders)} code cells have the tag parameters, not one"
        return
    (holder,) = holders
    values = _assigned_values(holder.text)
    if len(values) != 1:
        yield f"{holder.label} sets {FLAG} {len(values)} times, not once"
    elif not (isinstance(values[0], ast.Constant) and values[0].value is False):
        yield f"{holder.label} sets {FLAG} to {ast.unparse(values[0])}; for students it must be False"
    parameters = bound_by(holder.text)
    for cell in cells:
        if cell.is_code and cell is not holder:
            for name in sorted(parameters & bound_by(cell.text)):
                yield f"{cell.label} sets {name} again, over what papermill sets"
        for word in sorted(set(_CAPITALS.findall(cell.text)) - parameters):
            if difflib.SequenceMatcher(None, word, FLAG).ratio() >= _NEAR:
                yield f"{cell.label} mentions {word}; the flag is {FLAG}"


def _assigned_values(text: str) -> list[ast.expr]:
    """Return the values that a cell assigns to the flag, anywhere in the cell."""
    values: list[ast.expr] = []
    for node in ast.walk(parse(text)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = any(
            isinstance(part, ast.Name) and part.id == FLAG
            for target in targets
            if isinstance(target, ast.expr)
            for part in ast.walk(target)
        )
        if named:
            value = getattr(node, "value", None)
            values.append(value if isinstance(value, ast.expr) else ast.Constant(...))
    return values
