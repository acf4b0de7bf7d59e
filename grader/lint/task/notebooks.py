"""Read the cells of a task's two notebooks for the checks, each with a name for messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, UsageError
from grader.notebooks.program import parse
from grader.notebooks.reading import Json, is_code, labels, read_notebook, source, tags
from grader.notebooks.slots import is_slot
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from grader.task.spec import Task

_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell. `label` is the heading above it and its number."""

    label: str
    text: str
    tags: tuple[str, ...]
    is_code: bool
    is_slot: bool = False


@dataclass(frozen=True)
class Subject:
    """The task, and the cells of its starter and its solution notebook as they lie on the disk."""

    task: Task
    starter: tuple[Cell, ...]
    solution: tuple[Cell, ...]
    raw: tuple[Json, Json]

    @property
    def faces(self) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
        """Both notebooks with their names."""
        return ("starter", self.starter), ("solution", self.solution)

    @property
    def protected(self) -> list[Cell]:
        """The code cells that no student may change."""
        return [cell for cell in self.starter if cell.is_code and not cell.is_slot]

    def slots(self) -> list[tuple[str, str]]:
        """Return the text of all slots in each notebook, with the notebook's name."""
        return [(name, "\n".join(cell.text for cell in cells if cell.is_slot)) for name, cells in self.faces]

    def prose(self) -> list[tuple[str, str]]:
        """Return (where, text) of each part of the statement under a heading of its own."""
        parts = []
        for number, cell in enumerate(self.starter, start=1):
            if cell.is_code:
                continue
            marks = [(match.start(), match[1]) for match in _HEADING.finditer(cell.text)]
            edges = [(0, cell.label), *((start, f"{title} (cell {number})") for start, title in marks)]
            ends = [start for start, _ in edges[1:]] + [len(cell.text)]
            parts += [
                (label, cell.text[start:end])
                for (start, label), end in zip(edges, ends, strict=True)
                if cell.text[start:end].strip()
            ]
        return parts


def read_subject(task: Task) -> Subject:
    """Read both notebooks of `task`.

    Raises UsageError where one is missing, or a code cell is not Python: then nothing can be checked.
    """
    try:
        raw = load_starter(task), read_notebook(task.solution.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(
            f"the solution notebook of {task.id} is missing; run: grader build {task.id}"
        ) from error
    except (StudentFault, GraderFault) as error:
        raise UsageError(
            f"a notebook of {task.id} is damaged: {error}; run: grader build {task.id}"
        ) from error
    starter, solution = (_cells(notebook) for notebook in raw)
    return Subject(task, starter, solution, raw)


def _cells(notebook: Json) -> tuple[Cell, ...]:
    cells = []
    for cell, label in zip(notebook["cells"], labels(notebook), strict=True):
        if is_code(cell):
            try:
                parse(source(cell))
            except SyntaxError as error:
                raise UsageError(f"{label}: {error.msg} in line {error.lineno}") from error
        cells.append(Cell(label, source(cell), tuple(tags(cell)), is_code(cell), is_slot(cell)))
    return tuple(cells)
