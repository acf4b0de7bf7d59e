"""Clean the text of a student so that it is safe to show, and lay two texts side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST = 20_000  # characters of what was printed
LONGEST_LISTING = 600  # lines of each of two texts; difflib takes quadratic time
CONTEXT = 3  # lines that are kept around a difference

_COLOUR_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def printed(text: str) -> str:
    """Return what a program printed as it would stand in a terminal, without colours, cut in the middle if it is long.

    Of a line that was overwritten by carriage returns, as progress bars do it, the last state is left.
    """
    lines = _COLOUR_CODE.sub("", text).replace("\r\n", "\n").split("\n")
    whole = visible("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)).strip("\n")
    if len(whole) <= LONGEST:
        return whole
    half = LONGEST // 2
    return f"{whole[:half]}\n... {len(whole) - 2 * half} characters omitted ...\n{whole[-half:]}"


def visible(text: str) -> str:
    r"""Return `text` with line ends as `\n`, and invisible or text-reversing characters as their code points."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    if plain.isprintable():
        return plain
    return "".join(char if char == "\n" or char.isprintable() else f"<U+{ord(char):04X}>" for char in plain)


def printable(text: str, substitute: str, *, forbidden: str = "") -> str:
    """Return `text` with each character that cannot be printed, or is `forbidden`, as `substitute`."""
    return "".join(char if char.isprintable() and char not in forbidden else substitute for char in text)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 result, 2 results."""
    return f"{number} {noun}{'s' * (number != 1)}"


def points_text(points: int | None) -> str:
    """Return points with their noun, or that there are none."""
    return "no points" if points is None else count(points, "point")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first of `names`, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


@dataclass(frozen=True)
class Pair:
    """A line of each text; None where one has nothing. `same` is False where they differ.

    A pair without numbers stands for equal lines that are not shown, and its texts say how many.
    """

    left_number: int | None
    left: str | None
    right_number: int | None
    right: str | None
    same: bool


def side_by_side(left: str, right: str) -> list[Pair]:
    """Return all lines of two texts in pairs; white space at the end of a line is no difference."""
    ours, theirs = _lines(left), _lines(right)
    pairs: list[Pair] = []
    for same, mine, other in _blocks(ours, theirs):
        for step in range(max(len(mine), len(other))):
            index = mine[step] if step < len(mine) else None
            other_index = other[step] if step < len(other) else None
            pairs.append(
                Pair(
                    None if index is None else index + 1,
                    None if index is None else ours[index],
                    None if other_index is None else other_index + 1,
                    None if other_index is None else theirs[other_index],
                    same,
                )
            )
    return pairs


def only_differences(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that differ with some lines around them; the others become one pair that says how many."""
    different = [number for number, pair in enumerate(pairs) if not pair.same]
    near = {number + step for number in different for step in range(-CONTEXT, CONTEXT + 1)}
    kept: list[Pair] = []
    hidden = 0
    for number, pair in enumerate(pairs):
        if number not in near:
            hidden += 1
            continue
        kept += _gap(hidden)
        kept.append(pair)
        hidden = 0
    return kept + _gap(hidden)


def _gap(hidden: int) -> list[Pair]:
    text = f"{hidden} equal line{'s' * (hidden != 1)}"
    return [Pair(None, text, None, text, same=True)] if hidden else []


def _blocks(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[bool, range, range]]:
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        yield tag == "equal", range(start, end), range(other_start, other_end)


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in visible(text).rstrip("\n").split("\n")]
    return (
        lines
        if len(lines) <= LONGEST_LISTING
        else [*lines[:LONGEST_LISTING], f"... and {len(lines) - LONGEST_LISTING} more lines"]
    )
