"""Read where every student stands: the rows that each export is made of, and the two plain ones, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError, instead
from grader.gradebook.gradebook import reading
from grader.gradebook.result import neutralise
from grader.gradebook.standings import Standing, standings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.submissions.roster import Person, Roster


@dataclass(frozen=True)
class Exported:
    """What an export gives: the bytes of a file, how many grades are in it, and what the caller should know."""

    content: bytes
    grades: int
    notes: list[str]


def read_standings(out: Path, task: str | None, roster: Roster | None) -> list[Standing]:
    """Return where everybody of the gradebook in `out` stands, by task and rank; with a roster the absent, too.

    Raises UsageError where there is no gradebook, or nothing of `task` in it.
    """
    with reading(out) as book:
        rows = book.leaderboard()
        # after the rows: the history has each of their results
        results = {recorded.id: recorded.result for recorded in book.history()}
    boards = standings(rows, results)
    if not boards:
        raise UsageError(f"{out} holds no results")
    if task is not None and task not in boards:
        raise UsageError(f"{out} has no results of {task!r}; {instead(task, boards)}")
    chosen = [task] if task else sorted(boards)
    return [
        standing
        for name in chosen
        for standing in (_with_roster(boards[name], name, roster) if roster else boards[name])
    ]


def one_task(board: Sequence[Standing]) -> str:
    """Return the task of the standings. Raises UsageError where there are several."""
    tasks = sorted({standing.task for standing in board})
    if len(tasks) > 1:
        raise UsageError(f"the gradebook holds several tasks; choose one: --task {' or '.join(tasks)}")
    return tasks[0]


def as_csv(board: Sequence[Standing]) -> Exported:
    """Return a table for a spreadsheet; a text that it would run as a formula gets a quote."""
    rows = [_fields(standing) for standing in board]
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return Exported(table(lines), *_grades_and_notes(board))


def as_json(board: Sequence[Standing]) -> Exported:
    """Return a list of objects."""
    rows = [_fields(standing) for standing in board]
    text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    return Exported(text.encode(), *_grades_and_notes(board))


def table(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, with no cell that a spreadsheet would run as a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[neutralise(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def scaled(points: int, maximum: float) -> float:
    """Return points of 100 as points of `maximum`, to two decimals."""
    return round(points * maximum / 100, 2)


def ungraded(board: Sequence[Standing]) -> list[str]:
    """Return the note that names whom a failure of the grader left without points; nothing where there is nobody."""
    names = [standing.student for standing in board if standing.attempts and standing.points is None]
    return [f"left blank because grading failed (grader_error): {', '.join(names)}"] if names else []


def _grades_and_notes(board: Sequence[Standing]) -> tuple[int, list[str]]:
    return sum(standing.points is not None for standing in board), ungraded(board)


def _fields(standing: Standing) -> dict[str, Any]:
    """Return the columns in their order. The path is not among them: a file on the instructor's disk is no grade."""
    result, metrics = standing.result, standing.metrics
    return {
        "task": standing.task,
        "rank": standing.rank,
        "student": standing.student,
        "name": standing.name,
        "email": standing.email,
        "section": standing.section,
        "points": standing.points,
        "metric": metrics.metric.name if metrics else "",
        "value": metrics.value if metrics else None,
        "spread": metrics.spread if metrics and len(metrics.per_repeat) > 1 else None,
        "verdict": standing.verdict or "",
        "message": standing.message,
        "attempt": standing.attempt or None,
        "attempts": standing.attempts,
        "submitted": standing.submitted,
        "late": standing.late,
        "identical_to": result.identical_to if result else "",
        "graded": standing.graded,
        "reason": standing.reason,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else round(value, 6) if isinstance(value, float) else value


def _with_roster(board: Sequence[Standing], task: str, roster: Roster) -> list[Standing]:
    """Add what the roster knows of those who handed in, and below them those who did not."""
    people = [_person(standing, roster) for standing in board]
    known = [
        replace(
            standing,
            name=standing.name or person.name,
            email=standing.email or person.email,
            section=standing.section or person.section,
        )
        if person
        else standing
        for standing, person in zip(board, people, strict=True)
    ]
    return known + [_absent(task, person) for person in roster.people if person not in people]


def _person(standing: Standing, roster: Roster) -> Person | None:
    keys = (standing.student, standing.email, standing.name)
    return next((person for key in keys if key and (person := roster.find(key))), None)


def _absent(task: str, person: Person) -> Standing:
    student = person.id or person.email or person.name
    return Standing(
        task=task, rank=None, student=student, alias=student, name=person.name, email=person.email,
        section=person.section, result=None, attempt=0, attempts=0, submitted="", late=False, path="",
    )  # fmt: skip
