"""Know where learning platforms want the points of whom, which they have, and which have to be sent, tried again if need be.

What has to be sent follows from the events, so whatever fails, and whenever it does, nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grader.contest.attempts import attempts_of
from grader.contest.board import shown_attempt
from grader.contest.events import EventKind, events_of
from grader.contest.moments import iso
from grader.contest.rules import counting, points_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from grader.contest.moments import Moment
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Transaction

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
_MOST_DOUBLINGS = 10


@dataclass(frozen=True)
class GradeLine:
    """Where a platform keeps a grade of somebody: its `line` item, for whom it calls `subject`; `task` "" is all of them.

    `sent` are the points that it has, None without any; `problem` is why the last try failed, after `failures` in a row.
    """

    platform: str
    line: str
    subject: str
    person: str
    task: str
    sent: float | None = None
    failures: int = 0
    problem: str = ""


@dataclass(frozen=True)
class DueGrade:
    """Points that a platform should have, of `most`; None: those that it has no longer count."""

    line: GradeLine
    points: float | None
    most: float


def connect(transaction: Transaction, line: GradeLine) -> None:
    """Remember where a platform keeps a grade; one that is known is looked at again."""
    transaction.connection.execute(
        "INSERT INTO grade_lines (platform, line, subject, person, task, again) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (line, subject) DO UPDATE SET platform = excluded.platform, person = excluded.person, "
        "task = excluded.task, again = excluded.again",
        (line.platform, line.line, line.subject, line.person, line.task, transaction.moment.text),
    )


def grade_lines(transaction: Transaction) -> list[GradeLine]:
    """Return every line that is known."""
    return [_line(row) for row in transaction.connection.execute("SELECT * FROM grade_lines ORDER BY rowid")]


def due_grades(
    transaction: Transaction, spec: ContestSpec, *, after: int, platforms: Iterable[str]
) -> list[DueGrade]:
    """Return what platforms should have and do not: what events beyond the number `after` changed, and what is tried again.

    With `after` 0 every line is looked at.
    """
    changed = _changed_teams(transaction, after)
    query = (
        "SELECT grade_lines.*, people.team AS team FROM grade_lines JOIN people ON people.id = person "
        "WHERE people.erased IS NULL ORDER BY grade_lines.rowid"
    )
    wanted = set(platforms)
    due = []
    for row in transaction.connection.execute(query).fetchall():
        again = bool(row["again"]) and row["again"] <= transaction.moment.text
        waits = bool(row["again"]) and not again
        if row["platform"] not in wanted or waits or not (again or changed is None or row["team"] in changed):
            continue
        points, most = team_points(transaction, spec, row["team"], row["task"])
        if points != row["sent"]:
            due.append(DueGrade(_line(row), points, most))
    return due


def team_points(
    transaction: Transaction, spec: ContestSpec, team: str, task: str
) -> tuple[float | None, float]:
    """Return the points of a team in a task, or in all (""), as coarse as it sees them, and how many there can be.

    None is the points of a team that nothing counts for yet. After the close they are exact.
    """
    if task:
        points = _task_points(transaction, spec, team, task)
        return (None if points is None else float(points)), 100.0
    each = [(known.worth, _task_points(transaction, spec, team, known.id)) for known in spec.tasks]
    total = sum(worth * (points or 0) / 100 for worth, points in each)
    return (total if any(points is not None for _, points in each) else None), sum(worth for worth, _ in each)


def record_sent(transaction: Transaction, due: DueGrade) -> None:
    """Record that a platform has these points, or none any more."""
    transaction.connection.execute(
        "UPDATE grade_lines SET sent = ?, failures = 0, again = '', problem = '' WHERE line = ? AND subject = ?",
        (due.points, due.line.line, due.line.subject),
    )


def record_unsent(transaction: Transaction, due: DueGrade, problem: str) -> None:
    """Record why points could not be sent, and when to try again: later each time, but always once more."""
    failures = due.line.failures + 1
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, _MOST_DOUBLINGS))
    transaction.connection.execute(
        "UPDATE grade_lines SET failures = ?, again = ?, problem = ? WHERE line = ? AND subject = ?",
        (failures, iso(transaction.moment.wall + pause), problem, due.line.line, due.line.subject),
    )


def settle(transaction: Transaction, moment: Moment) -> None:
    """Forget to look again at lines that were looked at in a `moment`; those that could not be sent are remembered anew."""
    transaction.connection.execute(
        "UPDATE grade_lines SET again = '', failures = 0, problem = '' WHERE again <> '' AND again <= ?",
        (moment.text,),
    )


def try_all_again(transaction: Transaction) -> None:
    """Let what failed be tried at once."""
    transaction.connection.execute(
        "UPDATE grade_lines SET again = ? WHERE again <> ''", (transaction.moment.text,)
    )


def _changed_teams(transaction: Transaction, after: int) -> set[str] | None:
    """Return the teams of which events beyond a number tell; None where these may concern everybody."""
    if not after:
        return None
    query = "SELECT DISTINCT team FROM events WHERE number > ? AND kind IN ('extended', 'closed', 'verdict', 'disqualified', 'chosen', 'enrolled', 'cancelled')"
    teams = {row["team"] for row in transaction.connection.execute(query, (after,))}
    return None if "" in teams else teams


def _task_points(transaction: Transaction, spec: ContestSpec, team: str, task: str) -> int | None:
    events = events_of(transaction.connection, team, task)
    attempts = [attempt for attempt in attempts_of(events) if attempt.task == task]
    closed = any(event.kind is EventKind.CLOSED for event in events)
    attempt = (counting if closed else shown_attempt)(spec, attempts, events)
    if attempt is None:
        return None
    points = points_of(spec, attempt, events) or 0
    return points if closed else spec.leaderboard.coarse(points)


def _line(row: sqlite3.Row) -> GradeLine:
    return GradeLine(
        row["platform"], row["line"], row["subject"], row["person"], row["task"], row["sent"], row["failures"], row["problem"]
    )  # fmt: skip
