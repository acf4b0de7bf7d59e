"""Read how a contest goes: attempts and points of each task, and which teams are stuck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest.attempts import attempts_of
from grader.contest.board import student_teams
from grader.contest.events import all_events
from grader.contest.rules import counting, points_of
from grader.contest.views import team_names
from grader.report import charts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.contest.attempts import Attempt
    from grader.contest.events import Event
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Transaction

_STUCK_FAILURES = 3  # in a row
_MINUTE, _HOUR = 60.0, 3600.0


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
    points: str
    stuck: list[StuckTeam]


def progress_of(transaction: Transaction, spec: ContestSpec) -> list[TaskProgress]:
    """Return how each task of a contest goes, in the order of the tasks."""
    events = list(all_events(transaction.connection))
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
        decisions = [event for event in events if event.team in ("", team) and event.task in ("", task)]
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
        charts.histogram(counted) if counted else "",
        stuck,
    )


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
    if len(attempts) < 2:
        return ""
    first = attempts[0].received
    seconds = [(attempt.received - first).total_seconds() for attempt in attempts]
    unit, name = (_HOUR, "hours") if seconds[-1] > 2 * _HOUR else (_MINUTE, "minutes")
    steps = [(passed / unit, float(number)) for number, passed in enumerate(seconds, 1)]
    return charts.curve(charts.Curve("attempts", f"{name} since the first attempt", [steps]))
