"""Show the timetable of a contest in each group's own zone, and what in it looks like a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grader.contest.rules import periods
from grader.contest.spec import DEFAULT_GROUP
from grader.findings import Finding, found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.contest.spec import ContestSpec

_SHORT = timedelta(minutes=30)
_NIGHT = range(6)  # hours in which few people work


@dataclass(frozen=True)
class TimetableRow:
    """A window as the people of a group read it on their clocks."""

    group: str
    task: str
    opens: datetime
    closes: datetime
    zone: str


def timetable(spec: ContestSpec, groups: Sequence[str] = ()) -> list[TimetableRow]:
    """Return every window by group and task, in the zone of the group; `groups` are those of people beside those named."""
    rows = []
    for group in dict.fromkeys([*spec.groups, *groups] or [DEFAULT_GROUP]):
        zone = spec.zone_of(group)
        for task in spec.tasks:
            for period in periods(spec, group, task.id):
                opens, closes = period.opens.astimezone(zone), period.closes.astimezone(zone)
                rows.append(TimetableRow(group, task.id, opens, closes, str(zone)))
    return rows


def check_timetable(spec: ContestSpec, groups: Sequence[str], now: datetime) -> list[Finding]:
    """Return what was looked at in a timetable: whether everybody has a window, and which windows look like mistakes."""
    rows = timetable(spec, groups)
    everybody = list(dict.fromkeys([*spec.groups, *groups] or [DEFAULT_GROUP]))
    have = {(row.group, row.task) for row in rows}
    without = [
        f"{_called(group)} cannot hand in {task.id}"
        for group in everybody
        for task in spec.tasks
        if (group, task.id) not in have
    ]
    strangers = [
        f"{group} is in the roster, not in contest.toml" for group in sorted(set(groups) - {*spec.groups, ""})
    ]
    return [
        found("groups", strangers if spec.groups else [], "known"),
        found("windows", without, "everybody can hand in every task"),
        found("over", [f"{_shown(row)} is over" for row in rows if row.closes <= now], "none is over"),
        found("length", [f"{_shown(row)} is short" for row in rows if row.closes - row.opens < _SHORT], "none is short"),
        found("night", [f"{_shown(row)} closes at night" for row in rows if row.closes.hour in _NIGHT], "none closes at night"),
        _check_freeze(spec, rows),
    ]  # fmt: skip


def _check_freeze(spec: ContestSpec, rows: Sequence[TimetableRow]) -> Finding:
    freeze = spec.leaderboard.freeze
    if freeze is None or not rows:
        return Finding("freeze", ok=True, detail="the leaderboard moves until the end")
    instant = spec.instant(freeze, DEFAULT_GROUP)
    inside = min(row.opens for row in rows) < instant < max(row.closes for row in rows)
    return Finding(
        "freeze", inside, f"at {instant.astimezone(spec.zone_of(DEFAULT_GROUP)):%Y-%m-%d %H:%M %Z}"
    )


def _shown(row: TimetableRow) -> str:
    return f"{row.task} of {_called(row.group)}, until {row.closes:%a %Y-%m-%d %H:%M %Z}"


def _called(group: str) -> str:
    return group or "people without a group"
