"""Read what pages show: my attempts with their verdicts and places, the queue, the leaderboard with its names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest import queue
from grader.contest.attempts import AttemptState, attempts_of
from grader.contest.board import frozen_since, ranking, shown_attempt
from grader.contest.events import events_of, head, ranked_events
from grader.contest.rules import AttemptsLeft, attempts_left, days_late, periods, points_of

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from grader.contest.attempts import Attempt
    from grader.contest.board import BoardRow
    from grader.contest.people import Participant
    from grader.contest.queue import QueuePlace
    from grader.contest.rules import Period
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Transaction


@dataclass(frozen=True)
class AttemptView:
    """One attempt as its team sees it.

    `person` is who of the team handed it in, `points` are those after lateness, None without a verdict; `counts` is true of the one that the leaderboard shows.
    """

    number: int
    task: str
    person: str
    received: str
    sha256: str
    state: AttemptState
    place: QueuePlace | None
    verdict: str | None
    points: int | None
    message: str
    traceback: str
    days_late: int
    counts: bool
    disqualified: bool
    receipt: str


@dataclass(frozen=True)
class TaskView:
    """What somebody may do in a task, and did: the windows in UTC, what is left, and the attempts, the latest first."""

    task: str
    periods: list[Period]
    left: AttemptsLeft
    attempts: list[AttemptView]


@dataclass(frozen=True)
class QueueRow:
    """A submission that is on its way or held, as organisers see it; `place` is where it waits, if it does."""

    number: int
    task: str
    team: str
    name: str
    received: str
    state: AttemptState
    forced: bool
    failures: int
    worker: str
    place: QueuePlace | None


@dataclass(frozen=True)
class BoardView:
    """The leaderboard as everybody sees it: `names` by team, since when it is frozen, and the head of the events."""

    rows: list[BoardRow]
    names: dict[str, str]
    frozen_since: datetime | None
    head: str


def task_view(transaction: Transaction, spec: ContestSpec, person: Participant, task: str) -> TaskView:
    """Return what somebody may do in a task of the contest, and what their team did."""
    events = events_of(transaction.connection, person.team, task)
    attempts = [attempt for attempt in attempts_of(events) if attempt.task == task]
    counted = shown_attempt(spec, attempts, events)
    shown = [
        _attempt_view(
            transaction,
            attempt,
            points=points_of(spec, attempt, events),
            days=days_late(spec, attempt, events),
            counts=attempt == counted,
        )
        for attempt in reversed(attempts)
    ]
    return TaskView(task, periods(spec, person.group, task, events), attempts_left(spec, attempts), shown)


def board_view(transaction: Transaction, spec: ContestSpec) -> BoardView:
    """Return the leaderboard as everybody sees it now: from the events, so make a page of it and keep that for a while."""
    events = ranked_events(transaction.connection)
    now = transaction.moment.wall
    return BoardView(
        ranking(spec, events, shown_at=now),
        team_names(transaction),
        frozen_since(spec, events, now),
        head(transaction.connection),
    )


def queue_view(transaction: Transaction) -> list[QueueRow]:
    """Return what runs, waits, or is held, in this order."""
    places = {place.number: place for place in queue.places(transaction)}
    names = team_names(transaction)
    query = (
        "SELECT submissions.*, leases.worker FROM submissions LEFT JOIN leases ON submission = number "
        "WHERE state IN ('received', 'queued', 'running', 'held')"
    )
    rows = [
        QueueRow(
            row["number"], row["task"], row["team"], names.get(row["team"], ""), row["received"], AttemptState(row["state"]),
            bool(row["forced"]), row["failures"], row["worker"] or "", places.get(row["number"]),
        )
        for row in transaction.connection.execute(query)
    ]  # fmt: skip
    order = [AttemptState.RUNNING, AttemptState.QUEUED, AttemptState.RECEIVED, AttemptState.HELD]
    return sorted(
        rows, key=lambda row: (row.place.ahead if row.place else 0, order.index(row.state), row.number)
    )


def team_names(transaction: Transaction, team: str | None = None) -> dict[str, str]:
    """Return what to call each team, or just one: its name, or its members'; the id where everything was erased."""
    query = (
        "SELECT teams.id, teams.name, GROUP_CONCAT(NULLIF(people.name, ''), ', ') AS members FROM teams "
        "LEFT JOIN people ON people.team = teams.id WHERE ? IS NULL OR teams.id = ? GROUP BY teams.id"
    )
    rows = transaction.connection.execute(query, (team, team))
    return {row["id"]: row["name"] or row["members"] or row["id"] for row in rows}


def _attempt_view(
    transaction: Transaction, attempt: Attempt, *, points: int | None, days: int, counts: bool
) -> AttemptView:
    row = transaction.connection.execute(
        "SELECT * FROM submissions WHERE number = ?", (attempt.number,)
    ).fetchone()
    verdict: sqlite3.Row | None = transaction.connection.execute(
        "SELECT * FROM verdicts WHERE submission = ? ORDER BY id DESC LIMIT 1", (attempt.number,)
    ).fetchone()
    state = AttemptState(row["state"])
    waits = state in (AttemptState.RECEIVED, AttemptState.QUEUED)
    return AttemptView(
        attempt.number,
        attempt.task,
        attempt.person,
        row["received"],
        row["sha256"],
        state,
        queue.place_of(transaction, attempt.number) if waits else None,
        verdict["verdict"] if verdict else None,
        points,
        verdict["message"] if verdict else "",
        verdict["traceback"] if verdict else "",
        days,
        counts,
        attempt.disqualified,
        row["receipt"],
    )
