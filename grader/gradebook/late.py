"""Decide what becomes of work that was handed in after a deadline: one rule, for a course as for a contest."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from grader.errors import UsageError
from grader.text import count

POLICIES = ("count", "mark", "zero")
_PER_DAY = re.compile(r"-\s*(?P<percent>\d{1,3}(?:\.\d{1,3})?)\s*%\s*/\s*day")
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
ALL = 100  # points


@dataclass(frozen=True)
class LateRule:
    """A deadline, and what work loses that comes later.

    "count": late work counts as any other, and is only counted. "mark": it is marked as well. "zero": it gets 0 points.
    "per_day": it loses `percent` points of 100 for each day begun, as in the late policies of Canvas and Moodle.
    """

    deadline: datetime
    policy: Literal["count", "mark", "zero", "per_day"] = "mark"
    percent: float = 0.0

    @classmethod
    def parse(cls, deadline: str, late: str) -> Self:
        """Return the rule of an ISO 8601 time with its zone and of count, mark, zero or -N%/day.

        Raises UsageError where one of them is something else.
        """
        moment = _moment(deadline)
        match = _PER_DAY.fullmatch(late.strip())
        if late in POLICIES:
            return cls(moment, late)  # type: ignore[arg-type]  # mypy does not narrow by a tuple
        if match is None or not 0 < float(match["percent"]) <= ALL:
            raise UsageError(
                f"--late {late!r}: write count, mark, zero or a loss for each day such as -10%/day"
            )
        return cls(moment, "per_day", float(match["percent"]))

    @property
    def late(self) -> str:
        """The policy as `parse` reads it."""
        return f"-{self.percent:g}%/day" if self.policy == "per_day" else self.policy

    @property
    def text(self) -> str:
        """The rule in words."""
        loss = {
            "count": "late work counts as any other",
            "mark": "late work is marked and counts in full",
            "zero": "late work gets 0 points",
            "per_day": f"late work loses {self.percent:g} points for each day begun",
        }[self.policy]
        return f"deadline {self.deadline:%Y-%m-%d %H:%M %z}: {loss}"

    def days_late(self, submitted: datetime | None) -> int:
        """Return how many days had begun since the deadline, 0 for work in time or of unknown time.

        The minute of the deadline still belongs to it: 23:59:30 is in time for 23:59.
        """
        if submitted is None or submitted < self.deadline.replace(second=0, microsecond=0) + _MINUTE:
            return 0
        return max(1, math.ceil((submitted - self.deadline) / _DAY))

    def penalty(self, days_late: int) -> int:
        """Return the points that work loses, from 0 to 100; fractions of a point are the student's."""
        if not days_late or self.policy in ("count", "mark"):
            return 0
        return ALL if self.policy == "zero" else min(ALL, math.floor(self.percent * days_late))


def after_penalty(points: int | None, penalty: int) -> int | None:
    """Return what is left of `points`; None stays None, for a failure of the grader loses nothing."""
    return None if points is None else max(0, points - penalty)


def explained(graded: int | None, days_late: int, penalty: int, adjusted: int | None, reason: str) -> str:
    """Return why points that count differ from the graded ones; "" where they do not."""
    was = f"graded {'without points' if graded is None else graded}"
    if adjusted is not None:
        return f"{was}, adjusted to {adjusted}: {reason}"
    lost = (graded or 0) - (after_penalty(graded, penalty) or 0)
    return f"{was}, {count(days_late, 'day')} late: {count(lost, 'point')} less" if lost else ""


def utc(moment: str | None) -> datetime | None:
    """Return a recorded time, which is in UTC where it has no zone; None where there is none or it is no time."""
    try:
        time = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


def _moment(text: str) -> datetime:
    example = "write date, time and zone, such as 2026-11-30T23:59+01:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--deadline {text!r} is not a time; {example}") from error
    if moment.tzinfo is None or ":" not in text.partition("+")[0]:
        raise UsageError(f"--deadline {text!r} lacks its time of day or its time zone; {example}")
    return moment
