"""One thing that a student should know of their notebook: where it is, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast


class Severity(StrEnum):
    """What a remark stands for: a run that cannot succeed, one that is not what it seems, or something to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Remark:
    """A sentence about a place. `kind` is the same for remarks of one sort.

    `cell` counts all cells from 1, as messages do, `line` and `column` count from 1; each is 0 where the remark is about
    more than that. `width` characters of `source`, the line itself, are meant.
    """

    severity: Severity
    kind: str
    cell: int
    line: int
    column: int
    width: int
    text: str
    help: str
    source: str


@dataclass(frozen=True)
class Place:
    """Some characters of a line."""

    line: int
    column: int
    width: int


def place_of(node: ast.expr | ast.stmt, lines: list[str]) -> Place:
    """Return where a node begins; what stands on further lines is not marked."""
    text = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    start = _characters(text, node.col_offset)
    single = node.end_lineno == node.lineno and node.end_col_offset is not None
    end = _characters(text, node.end_col_offset or 0) if single else len(text)
    return Place(node.lineno, start + 1, max(end - start, 1))


def _characters(text: str, bytes_before: int) -> int:
    """Return how many characters the first bytes of a line are: the parser counts bytes."""
    return len(text.encode()[:bytes_before].decode(errors="ignore"))
