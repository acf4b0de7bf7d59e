"""Find the curves in what a training printed: lines that say the same with other numbers, step by step."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.report.charts import Curve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FEWEST = 3  # steps of a curve
MOST = 6  # curves
_LONGEST_LINE = 400

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d{1,12}(?:\.\d{1,12})?(?:e[-+]?\d{1,2})?(%?)(?![\w.]*\d)", re.ASCII)
_BREAK = re.compile(r"[,:;|]|\band\b|\s{2,}")
_SECONDS = re.compile(r"…\s*(?:m?s|sec|seconds|min|minutes)$")

_Key = tuple[str, str, str]  # name, unit, what is counted across
_Values = list[tuple[float, float]]


@dataclass(frozen=True)
class _Number:
    """A number of a line: where it stands, its value, and whether it looks measured rather than counted."""

    start: int
    end: int
    value: float
    unit: str
    measured: bool


def curves(logs: Sequence[Sequence[str]]) -> list[Curve]:
    """Return the curves that every log, one for each repeat, has in common: `epoch 3: loss 0.41` gives `loss`.

    A line belongs to a group if only its numbers differ. The first whole number that rises is the step; whole numbers that
    never change are part of a name (`model 1`); what counts seconds, or grows by the same whole number in each step, is left out.
    """
    found = [dict(_curves_of(log)) for log in logs]
    shared = [key for key in (found[0] if found else {}) if all(key in other for other in found)]
    return [Curve(*key, lines=[other[key] for other in found]) for key in shared[:MOST]]


def _curves_of(log: Sequence[str]) -> Iterator[tuple[_Key, _Values]]:
    groups: dict[str, list[str]] = {}
    for line in log:
        groups.setdefault(_NUMBER.sub("#", line[:_LONGEST_LINE]), []).append(line[:_LONGEST_LINE])
    for lines in groups.values():
        if len(lines) >= FEWEST:
            yield from _curves_in(lines)


def _curves_in(lines: list[str]) -> Iterator[tuple[_Key, _Values]]:
    """Give the curves of lines that differ in their numbers only."""
    columns = list(zip(*map(_numbers, lines), strict=True))
    moving = [place for place, column in enumerate(columns) if column[0].measured or _differ(column)]
    counting = [place for place in moving if _rises(columns[place]) and not columns[place][0].measured]
    steps: Sequence[float] = range(1, len(lines) + 1)
    word = "line"
    if counting:
        steps = [number.value for number in columns[counting[0]]]
        word = _name(lines[0], columns, counting[0], moving)
    for place in moving:
        name = _name(lines[0], columns, place, moving)
        if place not in counting[:1] and name and not (place in counting and _even(columns[place])):
            values = [number.value for number in columns[place]]
            yield (name, columns[place][0].unit, word), list(zip(map(float, steps), values, strict=True))


def _name(line: str, columns: list[tuple[_Number, ...]], place: int, moving: list[int]) -> str:
    """Return the words around a number, with … in its place; "" for seconds and where two numbers share the words."""
    number = columns[place][0]
    breaks = list(_BREAK.finditer(line))
    start = max((match.end() for match in breaks if match.end() <= number.start), default=0)
    end = min((match.start() for match in breaks if match.start() >= number.end), default=len(line))
    if any(start <= columns[other][0].start < end for other in moving if other != place):
        return ""
    name = f"{line[start : number.start]}…{line[number.end : end]}".strip()
    if _SECONDS.search(name) or not name.strip("… "):
        return ""
    return name.removesuffix("…").strip()


def _numbers(line: str) -> list[_Number]:
    return [
        _Number(
            match.start(),
            match.end(),
            float(match[0].rstrip("%")),
            match[1],
            match[1] == "%" or "." in match[0],
        )
        for match in _NUMBER.finditer(line)
    ]


def _differ(column: Sequence[_Number]) -> bool:
    return len({number.value for number in column}) > 1


def _even(column: Sequence[_Number]) -> bool:
    """Return whether a column grows by the same amount in each step: a budget, and no news."""
    values = [number.value for number in column]
    return len({other - one for one, other in itertools.pairwise(values)}) == 1


def _rises(column: Sequence[_Number]) -> bool:
    values = [number.value for number in column]
    return all(one < other for one, other in itertools.pairwise(values))
