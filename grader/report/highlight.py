"""Turn a program into lines that can be shown: numbered, in pieces with their kinds, and the line that failed marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygments import lex
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from grader.notebooks.slots import lines_above
from grader.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, PASSED = "failed", "passed"  # marks: the line that raised, and lines on the way to it
LONGEST_CODE = 100_000  # characters that are highlighted; nobody types more

# The first that fits counts.
_KINDS = (
    ("c", (Comment, String.Doc)),
    ("s", (String,)),
    ("n", (Number,)),
    ("k", (Keyword, Operator.Word)),
    ("f", (Name.Function, Name.Class, Name.Decorator)),
    ("b", (Name.Builtin, Name.Exception)),
)
_OWN_LINE = re.compile(
    r"^(?:  )?your solution(?: \((\w+)\))?, line (\d+)", re.MULTILINE
)  # as tracebacks name the slot's lines
_CAUSE = "\n\nbecause of\n\n"


@dataclass(frozen=True)
class Line:
    """A line of code: its number from 1 in its cell, "", `FAILED` or `PASSED`, and pieces of text, each with its kind.

    The line that names a cell has no number, 0.
    """

    number: int
    mark: str
    pieces: list[tuple[str, str]]


def code_lines(source: str, marks: dict[int, str] | None = None) -> list[Line]:
    """Return the lines of a program; those that `marks` has by number are marked."""
    marked = marks or {}
    text = visible(source)
    shown = text[:LONGEST_CODE]
    lines: list[list[tuple[str, str]]] = [[]]
    for token, value in lex(shown, PythonLexer(stripnl=False, ensurenl=False)):
        kind = next((name for name, parents in _KINDS if any(token in parent for parent in parents)), "")
        for number, piece in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if piece:
                lines[-1].append((kind, piece))
    if len(text) > LONGEST_CODE:
        lines.append([("c", f"... and {len(text) - LONGEST_CODE} more characters")])
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    above = sorted(lines_above(source).values())
    return [
        Line(number - _start(above, number), marked.get(number, ""), pieces)
        for number, pieces in enumerate(lines, start=1)
    ]


def _start(above: Sequence[int], number: int) -> int:
    """Return what to take from the number of a line to get that in its cell; a line that names a cell gets 0."""
    return number if number in above else max((start for start in above if start < number), default=0)


def plain_lines(text: str) -> list[Line]:
    """Return the lines of a text that is no program."""
    return [Line(number, "", [("", line)]) for number, line in enumerate(visible(text).splitlines(), start=1)]


def marks_of(traceback: str, program: str = "") -> dict[int, str]:
    """Return the lines of the program that a traceback names: the innermost one failed, the others lead to it.

    Only the exception that ended the run counts, not those that it came from.
    """
    above, cause = lines_above(program), traceback.partition(_CAUSE)[0]
    numbers = [
        int(digits) + above.get(name, 0) for name, digits in _OWN_LINE.findall(cause) if len(digits) < 8
    ]
    return {**dict.fromkeys(numbers[:-1], PASSED), **dict.fromkeys(numbers[-1:], FAILED)}
