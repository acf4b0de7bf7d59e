"""Read how a contest goes: attempts and points of each task, and which teams are stuck."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from grader.contest.attempts import attempts_of
from grader.contest.board import student_teams
from grader.contest.rules import counting, points_of
from grader.contest.views import team_names
from grader.report import charts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from grader.contest.attempts import Attempt
    from grader.contest.events import Event
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Transaction

_STUCK_FAILURES = 3  # in a row
_STEPS = 40  # of time that a drawing has at most
_LEAST_SECONDS = 60.0  # that a drawing over time spans


@dataclass(frozen=True)
class StuckTeam:
    """A team that needs help with a task: its last attempts failed in a row, `last` with this verdict, or it has none."""

    team: str
    name: str
    failures: int
    last: str


@dataclass(frozen=True)
class TaskProgress:
    """How a task goes. The drawings are SVG, "" where there is nothing to draw yet."""

    task: str
    attempts: int
    teams: int
    scored: int
    over_time: str
    best_over_time: str
    points: str
    stuck: list[StuckTeam]


def progress_of(transaction: Transaction, spec: ContestSpec, events: Sequence[Event]) -> list[TaskProgress]:
    """Return how each task of a contest goes, of which all `events` tell, in the order of the tasks."""
    attempts = attempts_of(events)
    names = team_names(transaction)
    students = student_teams(events)
    return [
        _progress(spec, task.id, [a for a in attempts if a.task == task.id], events=events, students=students, names=names)
        for task in spec.tasks
    ]  # fmt: skip


def _progress(
    spec: ContestSpec, task: str, attempts: Sequence[Attempt], *, events: Sequence[Event], students: set[str], names: dict[str, str]
) -> TaskProgress:  # fmt: skip
    by_team = {team: [a for a in attempts if a.team == team] for team in sorted(students)}
    counted: list[int] = []
    for team, tried in by_team.items():
        decisions = _decisions(events, team, task)
        if (attempt := counting(spec, tried, decisions)) is not None:
            counted.append(points_of(spec, attempt, decisions) or 0)
    stuck = [
        StuckTeam(team, names.get(team, team), failures, str(tried[-1].verdict or "") if tried else "")
        for team, tried in by_team.items()
        if (failures := _failures_in_a_row(tried)) >= _STUCK_FAILURES or not tried
    ]
    return TaskProgress(
        task,
        len(attempts),
        sum(bool(tried) for tried in by_team.values()),
        sum(any(a.scored for a in tried) for tried in by_team.values()),
        _over_time(attempts),
        _best_over_time(spec, by_team, events),
        charts.histogram(counted) if counted else "",
        stuck,
    )


def _decisions(events: Sequence[Event], team: str, task: str) -> list[Event]:
    """Return what was decided about a team in a task, such as an extension; everybody's decisions are among them."""
    return [event for event in events if event.team in ("", team) and event.task in ("", task)]


def _failures_in_a_row(attempts: Sequence[Attempt]) -> int:
    """Return how many of the last graded attempts have no score."""
    count = 0
    for attempt in reversed([a for a in attempts if a.graded]):
        if attempt.scored:
            break
        count += 1
    return count


def _over_time(attempts: Sequence[Attempt]) -> str:
    """Draw how many attempts there were over the hours since the first one."""
    arrivals = sorted(attempt.received for attempt in attempts)  # of a clock that may have been moved back
    seconds = [(arrival - arrivals[0]).total_seconds() for arrival in arrivals]
    if not seconds or seconds[-1] < _LEAST_SECONDS:
        return ""
    unit, name = charts.time_unit(seconds[-1])
    steps = [(passed / unit, float(number)) for number, passed in enumerate(seconds, 1)]
    return charts.curve(charts.Curve("attempts", f"{name} since the first attempt", [steps]))


def _scored(
    spec: ContestSpec, attempts: Sequence[Attempt], decisions: Sequence[Event]
) -> list[tuple[datetime, int]]:
    """Return when the attempts of a team with a score that stands came, and their points."""
    standing = [attempt for attempt in attempts if attempt.scored and not attempt.disqualified]
    return [(attempt.received, points_of(spec, attempt, decisions) or 0) for attempt in standing]


def _best_over_time(
    spec: ContestSpec, by_team: Mapping[str, Sequence[Attempt]], events: Sequence[Event]
) -> str:
    """Draw the points of the best team and of the one in the middle, among those with a score by then, over time."""
    scores = [
        _scored(spec, tried, _decisions(events, team, tried[0].task))
        for team, tried in by_team.items()
        if tried
    ]
    arrivals = sorted(received for scored in scores for received, _ in scored)
    span = arrivals[-1] - arrivals[0] if arrivals else timedelta(0)
    if span.total_seconds() < _LEAST_SECONDS:
        return ""
    first = arrivals[0]
    unit, name = charts.time_unit(span.total_seconds())
    best_line, middle_line = [], []
    for step in range(_STEPS + 1):
        until = first + span * step / _STEPS
        points = [[points for received, points in scored if received <= until] for scored in scores]
        tops = [max(scored) for scored in points if scored]
        hours = (until - first).total_seconds() / unit
        best_line.append((hours, float(max(tops))))
        middle_line.append((hours, float(statistics.median(tops))))
    names = ("best team", "middle team")
    return charts.curve(
        charts.Curve("points", f"{name} since the first score", [best_line, middle_line], names)
    )
