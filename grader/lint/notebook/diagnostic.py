"""A problem of a student's notebook: where it is, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast


class Severity(StrEnum):
    """How bad a problem is: the run cannot succeed, the run may surprise, or it is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Diagnostic:
    """A problem and its place. Diagnostics of one sort have the same `kind`.

    `cell` counts all cells from 1, as messages do; `line` and `column` count from 1. Each is 0 where the problem concerns
    more than that. `width` characters of `source`, the line itself, are marked.
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
class Span:
    """Characters of a line: the line and the column count from 1."""

    line: int
    column: int
    width: int


def span_of(node: ast.expr | ast.stmt, lines: list[str]) -> Span:
    """Return the span of a node on its first line; further lines are not marked."""
    text = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
    start = _characters(text, node.col_offset)
    single = node.end_lineno == node.lineno and node.end_col_offset is not None
    end = _characters(text, node.end_col_offset or 0) if single else len(text)
    return Span(node.lineno, start + 1, max(end - start, 1))


def _characters(text: str, bytes_before: int) -> int:
    """Return how many characters the first bytes of a line are: the parser counts bytes."""
    return len(text.encode()[:bytes_before].decode(errors="ignore"))
