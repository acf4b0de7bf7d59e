"""Check the rules for every task's notebook when it is built, before students meet it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.notebooks.program import defined_names, parse
from grader.notebooks.reading import Json, is_code, labels, source, tagged, tags
from grader.notebooks.slots import is_slot, slot_tag
from grader.notebooks.whole_program import RESULT
from grader.task.template import has_marker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.task.spec import Task

# The names papermill sets in a final evaluation, and the kind of literal that stands there for students.
PARAMETERS: dict[str, type] = {
    "FINAL_EVALUATION_MODE": bool,
    "DATA_PATH": str,
    "PREDICTIONS_PATH": str,
    "SEED": int,
    "DEVICE": str,
}

# Where the notebook of a task of files finds its data, and writes what is handed in.
_OF_FILES: dict[str, type] = {"DATA_PATH": str, "PREDICTIONS_PATH": str}

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


def check_cells(task: Task, cells: list[Json]) -> None:
    """Check the rendered cells of `task`.

    Raises UsageError, one line that names the file and the cell, for the first broken rule.
    """
    try:
        _check_counts(task, cells)
        names = _names_of_cells(cells)
        _check_parameters(cells, names, PARAMETERS if task.spec.runs_code else _OF_FILES)
        _check_slot(task, cells, names)
    except UsageError as error:
        raise UsageError(f"{task.folder / 'notebook.py'}: {error}") from error


def _check_counts(task: Task, cells: list[Json]) -> None:
    if not _TASK_ID.fullmatch(task.id):
        raise UsageError(f"the task's folder {task.id!r} may only have letters, digits, - and _, at most 50")
    for tag in ("parameters", *([f"slot:{name}" for name in task.spec.slots] or ["slot"])):
        count = len(_code_tagged(cells, tag))
        if count != 1:
            raise UsageError(f"there must be exactly one code cell tagged {tag!r}, not {count}")
    for cell in cells:
        if is_slot(cell) and task.spec.slots and not task.spec.slot_entries(slot_tag(cell)):
            raise UsageError(
                f"a cell is tagged {slot_tag(cell)!r}, and [slots] of task.toml has no such slot"
            )
    if task.spec.runs_code and not _code_tagged(cells, "slot-imports"):
        raise UsageError("there must be a code cell tagged 'slot-imports'")
    if len(_code_tagged(cells, "data")) > 1:
        raise UsageError("there may be only one code cell tagged 'data'")


def _names_of_cells(cells: list[Json]) -> list[frozenset[str]]:
    """Return the top-level names of each cell, every code cell of which must be Python."""
    names = []
    for cell, label in zip(cells, labels({"cells": cells}), strict=True):
        text = source(cell)
        if not is_slot(cell) and has_marker(text):
            raise UsageError(f"{label} has a SOLUTION or BASELINE marker, but is not the slot")
        if is_code(cell) and text.startswith("%%"):
            raise UsageError(
                f"{label} starts with a cell magic; the comment of protected cells would break it"
            )
        try:
            names.append(defined_names(text) if is_code(cell) else frozenset())
        except SyntaxError as error:
            raise UsageError(f"{label}: {error.msg} in line {error.lineno}") from error
    return names


def _check_parameters(cells: list[Json], names: list[frozenset[str]], wanted: Mapping[str, type]) -> None:
    cell = _code_tagged(cells, "parameters")[0]
    literals = _literals(source(cell))
    for name, kind in wanted.items():
        if type(literals.get(name)) is not kind:
            raise UsageError(f"the parameters cell must set {name} to a literal {kind.__name__}")
    if literals.get("FINAL_EVALUATION_MODE", False) is not False:
        raise UsageError("the parameters cell must hold FINAL_EVALUATION_MODE = False")
    # A later assignment would win over what papermill sets, silently.
    for other, label, defined in zip(cells, labels({"cells": cells}), names, strict=True):
        if other is not cell and (again := sorted(defined & wanted.keys())):
            raise UsageError(f"{label} sets {again[0]} again; only the parameters cell may")


def _check_slot(task: Task, cells: list[Json], names: list[frozenset[str]]) -> None:
    entries = set(task.spec.entries)
    first = next(number for number, cell in enumerate(cells) if is_slot(cell))
    if any("slot-imports" in tags(cell) for cell in cells[first:]):
        raise UsageError("a code cell tagged 'slot-imports' comes after the slot, but would be run before it")
    is_whole = task.spec.program.form == "notebook"
    for cell, label, defined in zip(cells, labels({"cells": cells}), names, strict=True):
        own = set(task.spec.slot_entries(slot_tag(cell))) if is_slot(cell) else set()
        if is_whole and is_code(cell) and not own:
            _check_calls(source(cell), label, entries)
        if also := sorted((entries - own) & defined):
            raise UsageError(f"{label} defines {also[0]}, which only {'its own' if own else 'the'} slot may")
        if is_whole and own:
            if not defined & {RESULT, *own}:
                raise UsageError(f"the slot binds neither {RESULT} nor {task.spec.entries[0]} at top level")
        elif lacking := sorted(own - defined):
            which = f"the slot {label}" if task.spec.slots else "the slot"
            raise UsageError(f"{which} does not define {lacking[0]} at top level")


def _check_calls(text: str, label: str, entries: set[str]) -> None:
    """Check that a program of several cells gets its arguments by name: they become variables of its cells."""
    for node in ast.walk(parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in entries):
            continue
        if node.args or not all(keyword.arg for keyword in node.keywords):
            raise UsageError(f"{label} must call {node.func.id} with keywords only, such as train=train")


def _code_tagged(cells: list[Json], tag: str) -> list[Json]:
    return [cell for cell in tagged({"cells": cells}, tag) if is_code(cell)]


def _literals(text: str) -> dict[str, Any]:
    """Return the names that a cell assigns a literal to."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UsageError("the parameters cell must be plain Python, without magics") from error
    literals: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                literals[target.id] = value.value
    return literals
