"""Say where every student stands: the rows that each export is made of, and the two plain ones, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.gradebook.gradebook import reading
from grader.gradebook.result import neutralise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.submissions.roster import Person, Roster

_HIDDEN = "path"  # a file name on the instructor's disk is nobody's grade


@dataclass(frozen=True)
class Standing:
    """Where a student stands in a task, by the attempt that counts; without attempts they handed in nothing.

    `points` is None for a failure of ours as well, which is not the same as 0. `submitted` is ISO 8601 in UTC.
    """

    task: str
    rank: int | None
    student: str
    name: str
    email: str
    section: str
    points: int | None
    balanced_accuracy: float | None
    spread: float | None
    verdict: str
    message: str
    attempt: int | None
    attempts: int
    submitted: str
    late: bool
    identical_to: str
    path: str = ""


@dataclass(frozen=True)
class Exported:
    """What an export gives: the bytes of a file, how many grades are in it, and what the caller should know."""

    content: bytes
    grades: int
    notes: list[str]


def standings(out: Path, task: str | None, roster: Roster | None) -> list[Standing]:
    """Return where everybody of the gradebook in `out` stands, by task and rank; with a roster the absent, too.

    Raises UsageError where there is no gradebook, or nothing of `task` in it.
    """
    with reading(out) as book:
        board = book.leaderboard()
        results = {
            one.id: one.result for one in book.history()
        }  # after the board: it has each of its results
    tasks = sorted({row["task"] for row in board})
    if not tasks:
        raise UsageError(f"{out} holds no results")
    if task is not None and task not in tasks:
        raise UsageError(f"{out} has no results of {task!r}; there are: {', '.join(tasks)}")
    found: list[Standing] = []
    for name in [task] if task else tasks:
        ranked = [_standing(row, results[row["result"]]) for row in board if row["task"] == name]
        found += _with_roster(ranked, name, roster) if roster else ranked
    return found


def one_task(found: Sequence[Standing]) -> str:
    """Return the task of the standings. Raises UsageError where there are several."""
    tasks = sorted({standing.task for standing in found})
    if len(tasks) > 1:
        raise UsageError(f"the gradebook holds several tasks; say which one: --task {' or '.join(tasks)}")
    return tasks[0]


def as_csv(found: Sequence[Standing]) -> Exported:
    """Return a table for a spreadsheet; a text that it would run as a formula gets a quote."""
    names = [field.name for field in fields(Standing) if field.name != _HIDDEN]
    return Exported(
        table([names, *([_cell(vars(one)[name]) for name in names] for one in found)]), *_said(found)
    )


def as_json(found: Sequence[Standing]) -> Exported:
    """Return a list of objects."""
    values = [asdict(standing) for standing in found]
    for value in values:
        del value[_HIDDEN]
    return Exported((json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode(), *_said(found))


def table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, with no cell that a spreadsheet would run as a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[neutralise(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def scaled(points: int, most: float) -> float:
    """Return points of 100 as points of `most`, to two decimals."""
    return round(points * most / 100, 2)


def ungraded(found: Sequence[Standing]) -> list[str]:
    """Return the note that names whom a failure of ours left without points; nothing where there is nobody."""
    names = [standing.student for standing in found if standing.attempts and standing.points is None]
    return [f"left blank, for the grader failed (grader_error): {', '.join(names)}"] if names else []


def _said(found: Sequence[Standing]) -> tuple[int, list[str]]:
    return sum(standing.points is not None for standing in found), ungraded(found)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else round(value, 6) if isinstance(value, float) else value


def _standing(row: dict[str, Any], result: Result) -> Standing:
    return Standing(
        task=row["task"], rank=row["rank"], student=row["student"], name=row["name"], email=row["email"],
        section=row["section"], points=row["points"], balanced_accuracy=row["balanced_accuracy"],
        spread=result.metrics.spread if result.metrics else None, verdict=row["verdict"], message=result.message,
        attempt=row["attempt"], attempts=row["attempts"], submitted=row["sent"], late=bool(row["late"]),
        identical_to=result.identical_to, path=row["path"],
    )  # fmt: skip


def _with_roster(ranked: list[Standing], task: str, roster: Roster) -> list[Standing]:
    """Add what the roster knows of those who handed in, and below them those who did not."""
    seen: set[Person] = set()
    known = []
    for standing in ranked:
        keys = (standing.student, standing.email, standing.name)
        person = next((one for key in keys if key and (one := roster.find(key))), None)
        if person:
            seen.add(person)
            known.append(
                replace(
                    standing,
                    name=standing.name or person.name,
                    email=standing.email or person.email,
                    section=standing.section or person.section,
                )
            )
        else:
            known.append(standing)
    return known + [_absent(task, person) for person in roster.people if person not in seen]


def _absent(task: str, person: Person) -> Standing:
    return Standing(
        task=task, rank=None, student=person.id or person.email or person.name, name=person.name, email=person.email,
        section=person.section, points=None, balanced_accuracy=None, spread=None, verdict="", message="",
        attempt=None, attempts=0, submitted="", late=False, identical_to="",
    )  # fmt: skip
