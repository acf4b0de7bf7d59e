"""Join a program of several cells: all code cells of the student's from the slot down to the next protected one.

So it is where a task's `program.form` is "notebook": what counts is what "restart and run all" runs between the protected cells.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import StudentFault, Verdict
from grader.notebooks.identity import IDENTITIES, squeeze
from grader.notebooks.program import first_magic, parse
from grader.notebooks.reading import Json, grader_metadata, is_code, labels, source, tags
from grader.notebooks.slots import is_slot

if TYPE_CHECKING:
    from collections.abc import Sequence

FORM = "form"  # of the program, in the starter's metadata
RESULT = "predictions"  # the variable that is taken, before the entry
_SHOWN = 60  # characters of a line


@dataclass(frozen=True)
class JoinedCells:
    """The text of a program, with the number of each of its cells and the line at which it begins, both from 1."""

    text: str
    starts: tuple[tuple[int, int], ...]

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of its cells."""
        return frozenset(number for number, _ in self.starts)

    def locate(self, line: int) -> tuple[int, int]:
        """Return the number of the cell that has a line of the text, and the line in that cell."""
        number, start = next((pair for pair in reversed(self.starts) if pair[1] <= line), self.starts[0])
        return number, line - start + 1


def is_whole(starter: Json) -> bool:
    """Return whether the program of this task is more than one cell."""
    return grader_metadata(starter).get(FORM) == "notebook"


def joined_cells(notebook: Json, starter: Json, first: int) -> JoinedCells:
    """Return the program that begins with the cell `first`: of several cells where the task says so."""
    if not is_whole(starter):
        return JoinedCells(source(notebook["cells"][first - 1]), ((first, 1),))
    ours, starts, texts, line = _Protected(starter), [], [], 1
    for number, cell in enumerate(notebook["cells"][first - 1 :], start=first):
        if is_code(cell):
            if ours.holds(cell):
                break
            starts.append((number, line))
            texts.append(source(cell))
            line += texts[-1].count("\n") + 2
    return JoinedCells("\n\n".join(texts), tuple(starts) or ((first, 1),))


def first_cell(notebook: Json, starter: Json, slot: Json) -> int:
    """Return the number of the program's first cell: the starter's `slot`, or else the first below the cells above that.

    Raises StudentFault (`slot_missing`) where there is no code cell.
    """
    cells = notebook["cells"]
    for identity in IDENTITIES:
        for number, cell in enumerate(cells, start=1):
            if is_code(cell) and identity(cell) == slot["id"] and "protected" not in tags(cell):
                return number
    above, ours = _Protected(starter, before=slot), _Protected(starter)
    last = max((number for number, cell in enumerate(cells, start=1) if above.holds(cell)), default=0)
    for number, cell in enumerate(cells[last:], start=last + 1):
        if is_code(cell):
            if ours.holds(cell):
                break
            return number
    raise StudentFault(
        Verdict.SLOT_MISSING,
        "There is no code cell of yours between the protected cells: that is your program.",
    )


def refuse_magics(notebook: Json, program: JoinedCells) -> None:
    """Raise StudentFault (`slot_error`) for the first line of IPython's in a cell that is not Python."""
    names = labels(notebook)
    for number in sorted(program.numbers):
        line = first_magic(source(notebook["cells"][number - 1]))
        if line is not None:
            raise StudentFault(
                Verdict.SLOT_ERROR,
                f"{names[number - 1]} has a command of IPython, {line[:_SHOWN]}; "
                "your cells run as plain Python when they are graded: remove it",
            )


def given_names(starter: Json) -> frozenset[str]:
    """Return the names that protected cells hand to the program: the keywords of their calls of its entry."""
    entries = grader_metadata(starter).get("entries", [])
    calls = [
        node
        for cell in starter["cells"]
        if is_whole(starter) and is_code(cell) and not is_slot(cell)
        for node in ast.walk(parse(source(cell)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in entries
    ]
    return frozenset(keyword.arg for call in calls for keyword in call.keywords if keyword.arg)


class _Protected:
    """The protected code cells of a starter, or those of them `before` a cell."""

    def __init__(self, starter: Json, *, before: Json | None = None) -> None:
        cells: Sequence[Json] = starter["cells"]
        if before is not None:
            cells = cells[: cells.index(before)]
        ours = [cell for cell in cells if is_code(cell) and not is_slot(cell)]
        self._ids = {cell["id"] for cell in ours}
        self._texts = {squeeze(source(cell)) for cell in ours}

    def holds(self, cell: Json) -> bool:
        """Return whether `cell` is one of them, also where it was changed."""
        if not is_code(cell):
            return False
        known = any(str(identity(cell)) in self._ids for identity in IDENTITIES)
        return known or squeeze(source(cell)) in self._texts
