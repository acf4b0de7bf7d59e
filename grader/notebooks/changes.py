"""Compare the protected cells of a notebook with ours."""

from __future__ import annotations

from dataclasses import dataclass

from grader.notebooks.colab_badge import without_badge
from grader.notebooks.identity import IDENTITIES, squeeze
from grader.notebooks.reading import Json, grader_metadata, is_code, labels, source
from grader.notebooks.slots import is_slot


@dataclass(frozen=True)
class Change:
    """A protected cell that a notebook does not hold as it was; `theirs` is None where it is missing.

    `label` is its name in our notebook, `number` that of the cell in theirs, counted from 1, 0 where it is missing.
    """

    label: str
    ours: str
    theirs: str | None
    number: int
    code: bool


def changed_cells(notebook: Json, starter: Json) -> list[str]:
    """Return the names of the starter's protected cells that the notebook does not hold as they were.

    White space, line ends and the badge of Colab are not compared. A protected cell that is nowhere in the notebook is called
    missing. This is only for reports: protected cells of a submission are never used.
    """
    return [
        change.label if change.theirs is not None else f"{change.label}, missing"
        for change in changes(notebook, starter)
    ]


def changes(notebook: Json, starter: Json) -> list[Change]:
    """Return the protected cells that `changed_cells` names, ours beside theirs."""
    cells = notebook["cells"]
    present = {_compared(cell) for cell in cells}
    known: dict[str, tuple[str | None, int]] = {
        str(identity(cell)): (source(cell), number)
        for number, cell in enumerate(cells, start=1)
        for identity in IDENTITIES
    }
    is_translated = "language" in grader_metadata(notebook)  # its prose is ours in other words
    return [
        Change(label, source(cell), *known.get(cell["id"], (None, 0)), code=is_code(cell))
        for cell, label in zip(starter["cells"], labels(starter), strict=True)
        if not is_slot(cell) and _compared(cell) not in present and (is_code(cell) or not is_translated)
    ]


def _compared(cell: Json) -> tuple[bool, str]:
    return is_code(cell), squeeze(without_badge(source(cell)))
