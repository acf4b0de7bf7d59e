"""Rank teams by the rules of a contest: a function of the rules, the events and the time, so that anybody can repeat it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest.attempts import attempts_of
from grader.contest.events import EventKind
from grader.contest.rules import counting, points_of
from grader.contest.spec import DEFAULT_GROUP
from grader.gradebook.standings import within_noise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from grader.contest.attempts import Attempt
    from grader.contest.events import Event
    from grader.contest.spec import ContestSpec


@dataclass(frozen=True)
class BoardCell:
    """What counts for a team in a task: the attempt's number and its points of 100, and how many attempts there are."""

    number: int | None
    points: int | None
    attempts: int


@dataclass(frozen=True)
class BoardRow:
    """A team on the leaderboard; `total` is in points of the contest, and teams with equal totals share a rank."""

    rank: int
    team: str
    total: float
    cells: dict[str, BoardCell]


def ranking(
    spec: ContestSpec, events: Iterable[Event], *, shown_at: datetime | None = None
) -> list[BoardRow]:
    """Return the leaderboard, best first: the true one, or with `shown_at` the one that everybody sees at that time.

    What everybody sees stops at the freeze, rounds points down, and moves only beyond noise, as the rules state.
    """
    frozen, by_team = _grouped(spec, events, shown_at)
    rows = []
    for team, own in by_team.items():
        attempts = [attempt for attempt in attempts_of(own) if frozen is None or attempt.received < frozen]
        cells = {
            task.id: _cell(spec, task.id, attempts, events=own, shown=shown_at is not None)
            for task in spec.tasks
        }
        total = sum((cells[task.id].points or 0) * task.worth / 100 for task in spec.tasks)
        rows.append((total, team, cells))
    rows.sort(key=lambda row: (-row[0], row[1]))
    totals = [row[0] for row in rows]
    return [BoardRow(totals.index(total) + 1, team, total, cells) for total, team, cells in rows]


def frozen_since(spec: ContestSpec, events: Iterable[Event], now: datetime) -> datetime | None:
    """Return since when the leaderboard stays as it is; None where it moves: before the freeze, or after the close."""
    freeze = spec.leaderboard.freeze
    if freeze is None or any(event.kind is EventKind.CLOSED for event in events):
        return None
    instant = spec.instant(freeze, DEFAULT_GROUP)
    return instant if now >= instant else None


def _grouped(
    spec: ContestSpec, events: Iterable[Event], shown_at: datetime | None
) -> tuple[datetime | None, Mapping[str, Sequence[Event]]]:
    """Return since when the board is frozen, and the events of each team, each with those of everybody."""
    every = list(events)
    everybody = [event for event in every if not event.team]
    teams: dict[str, list[Event]] = defaultdict(list)
    for event in every:
        if event.team:
            teams[event.team].append(event)
    frozen = None if shown_at is None else frozen_since(spec, everybody, shown_at)
    return frozen, {team: [*everybody, *teams[team]] for team in sorted(student_teams(every))}


def student_teams(events: Iterable[Event]) -> set[str]:
    """Return the teams that students are in; people may have changed theirs."""
    enrolled = [
        event for event in events if event.kind is EventKind.ENROLLED and event.data["role"] == "student"
    ]
    return set({event.data["person"]: event.team for event in enrolled}.values())


def _cell(
    spec: ContestSpec, task: str, attempts: Sequence[Attempt], *, events: Sequence[Event], shown: bool
) -> BoardCell:
    tried = [attempt for attempt in attempts if attempt.task == task]
    chosen = [event for event in events if event.task in ("", task)]
    attempt = (shown_attempt if shown else counting)(spec, tried, chosen)
    points = points_of(spec, attempt, chosen) if attempt else None
    if shown and points is not None:
        points = spec.leaderboard.coarse(points)
    return BoardCell(attempt.number if attempt else None, points, _graded(tried))


def shown_attempt(
    spec: ContestSpec, attempts: Sequence[Attempt], events: Sequence[Event] = ()
) -> Attempt | None:
    """Return the attempt of one team in one task that counts as far as the leaderboard shows.

    A new best one has to be better by more than noise, and by as much as rounded points show: which of two attempts is
    better by less would tell about the hidden data.
    """
    counted = counting(spec, attempts, events)
    if counted is None or spec.attempts.counts != "best":
        return counted
    if spec.leaderboard.beyond_noise:
        return _beyond_noise(spec, attempts, events) or counted
    coarse = spec.leaderboard.coarse
    best = coarse(points_of(spec, counted, events) or 0)
    graded = [attempt for attempt in attempts if attempt.graded]
    return next(known for known in graded if coarse(points_of(spec, known, events) or 0) == best)


def _graded(attempts: Sequence[Attempt]) -> int:
    return sum(attempt.graded for attempt in attempts)


def _beyond_noise(spec: ContestSpec, attempts: Sequence[Attempt], events: Sequence[Event]) -> Attempt | None:
    """Return the best attempt that was, when it came, better than the one shown by more than noise.

    The idea of the Ladder (Blum and Hardt, 2015): what chance alone moves tells nobody about the hidden data.
    """
    best: Attempt | None = None
    for attempt in attempts:
        if not attempt.scored:
            continue
        if best is None:
            best = attempt
            continue
        better = (points_of(spec, attempt, events) or 0) > (points_of(spec, best, events) or 0)
        known = attempt.metrics, best.metrics
        if better and not (known[0] and known[1] and within_noise(known[0], known[1])):
            best = attempt
    return best
