"""Explain a name that the slot reads and that only other cells of the notebook define."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.notebooks.changes import changes
from grader.notebooks.identity import squeeze
from grader.notebooks.program import parse, statements_by_name
from grader.notebooks.reading import is_code, labels, source

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from grader.notebooks.reading import Json


@dataclass(frozen=True)
class OtherCell:
    """A code cell other than the slot: `ours` where it is protected, `as_it_was` where nobody changed it."""

    number: int
    label: str
    ours: bool
    as_it_was: bool
    statements: dict[str, list[ast.stmt]]


def other_cells(notebook: Json, starter: Json, slots: Collection[int]) -> list[OtherCell]:
    """Return the code cells other than the `slots`, by number, that can be parsed."""
    known = {squeeze(source(cell)) for cell in starter["cells"] if is_code(cell)}
    changed = {change.number for change in changes(notebook, starter)}
    cells = []
    for number, (cell, label) in enumerate(zip(notebook["cells"], labels(notebook), strict=True), start=1):
        if is_code(cell) and number not in slots:
            try:
                body = parse(source(cell)).body
            except SyntaxError:
                continue  # such a cell defines nothing
            as_it_was = squeeze(source(cell)) in known
            ours = as_it_was or number in changed
            cells.append(OtherCell(number, label, ours, as_it_was, statements_by_name(body)))
    return cells


@dataclass(frozen=True)
class MissingName:
    """Why a name is missing if only the slot runs: a word for it, a sentence, and what to do."""

    kind: str
    sentence: str
    help: str


def explain_elsewhere(name: str, homes: Sequence[OtherCell]) -> MissingName:
    """Return the explanation for a name that the cells `homes`, at least one, define."""
    theirs = [cell for cell in homes if not cell.ours]
    cell = (theirs or homes)[0]
    statement = cell.statements[name][0]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        fate = "of which the grader runs its own copy" if cell.ours else "which is not run for your function"
        where = cell.label if cell.as_it_was else f"{cell.label}, {fate}"
        return MissingName(
            "import-elsewhere",
            f"`{name}` is imported in another cell: {where}",
            f"add to your solution cell: {_import_of(name, statement)}",
        )
    if not cell.ours:
        return MissingName(
            "defined-elsewhere",
            f"`{name}` is defined in another cell, {cell.label}: when graded, only your solution cell is run",
            f"move `{name}` into your solution cell",
        )
    return MissingName(
        "protected-name",
        f"`{name}` belongs to the protected cell {cell.label}: your function sees only its arguments, not the notebook",
        "use the arguments, or copy a function or a constant into your solution cell",
    )


def _import_of(name: str, statement: ast.Import | ast.ImportFrom) -> str:
    """Return the import statement with this one name."""
    kept = [alias for alias in statement.names if (alias.asname or alias.name.split(".")[0]) == name]
    if isinstance(statement, ast.Import):
        return ast.unparse(ast.Import(kept))
    return ast.unparse(ast.ImportFrom(statement.module, kept, statement.level))
