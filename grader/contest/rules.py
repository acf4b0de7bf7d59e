"""Decide by the rules of a contest, as functions of the rules, the events and the time: nothing else has a say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from grader.contest.attempts import Attempt, AttemptState, attempts_of
from grader.contest.events import EventKind
from grader.contest.moments import iso
from grader.errors import UsageError
from grader.gradebook.late import LateRule, after_penalty
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.contest.events import Event
    from grader.contest.spec import ContestSpec

_DAY = timedelta(days=1)
_ANY_TIME = "2026-01-01T00:00+00:00"  # a penalty depends on the days alone


class RefusalReason(StrEnum):
    """Why a file is not taken."""

    NOT_OPEN = "not_open"
    CLOSED = "closed"
    TOO_SOON = "too_soon"
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN = "unknown"
    OTHER_FILE = "other_file"


class Refused(UsageError):  # noqa: N818 -- a decision, not a mistake
    """A file was not taken, for a reason that its sender can read; `again` is when it may be, if there is such a time."""

    def __init__(self, reason: RefusalReason, message: str, again: datetime | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.again = again


@dataclass(frozen=True)
class Period:
    """When a window is open for somebody, in UTC: from `opens` until before `closes`."""

    opens: datetime
    closes: datetime


def periods(spec: ContestSpec, group: str, task: str, events: Sequence[Event] = ()) -> list[Period]:
    """Return when a team of `group` may hand in `task`, in order; an extension among `events` moves the last close."""
    plain = sorted(
        (
            Period(spec.instant(window.opens, group), spec.instant(window.closes, group))
            for window in spec.windows_of(group, task)
        ),
        key=lambda period: (period.closes, period.opens),
    )
    until = extension(task, events)
    if plain and until and until > plain[-1].closes:
        plain[-1] = Period(plain[-1].opens, until)
    return plain


def extension(task: str, events: Sequence[Event]) -> datetime | None:
    """Return until when a team's deadline in `task` is extended.

    A later decision takes the place of an earlier one. Only those about the team and about everybody stand side by side,
    and the more generous one holds: nobody loses time because everybody gets more.
    """
    decisions = {
        event.team: event.data["until"]
        for event in events
        if event.kind is EventKind.EXTENDED and event.task in ("", task)
    }
    return max((datetime.fromisoformat(until) for until in decisions.values() if until), default=None)


def days_late(spec: ContestSpec, attempt: Attempt, events: Sequence[Event] = ()) -> int:
    """Return how many days had begun since the close when an attempt arrived; 0 inside a window."""
    known = periods(spec, attempt.group, attempt.task, events)
    if not known or any(period.opens <= attempt.received < period.closes for period in known):
        return 0
    before = [period.closes for period in known if period.closes <= attempt.received]
    return max(1, math.ceil((attempt.received - max(before)) / _DAY)) if before else 0


def points_of(spec: ContestSpec, attempt: Attempt, events: Sequence[Event] = ()) -> int | None:
    """Return the points of an attempt after what lateness takes; None where it has no score yet."""
    if attempt.disqualified:
        return 0
    policy = "count" if spec.late.policy == "refuse" else spec.late.policy
    rule = LateRule.parse(_ANY_TIME, policy)
    return after_penalty(attempt.points, rule.penalty(days_late(spec, attempt, events)))


def check_may_submit(
    spec: ContestSpec, group: str, task: str, *, events: Sequence[Event], now: datetime
) -> None:
    """Return where a team may hand in `task` now. `events` are the team's own.

    Raises Refused, which says why not and when again: before and after windows, with no attempts left, or too soon.
    """
    spec.task(task)
    if any(event.kind is EventKind.CLOSED for event in events):
        raise Refused(RefusalReason.CLOSED, "the contest is closed")
    _check_time(spec, periods(spec, group, task, events), now)
    attempts = [attempt for attempt in attempts_of(events) if attempt.task == task]
    _check_number(spec, attempts)
    again = allowed_from(spec, attempts, now)
    if again > now:
        wait = math.ceil((again - now).total_seconds())
        raise Refused(
            RefusalReason.TOO_SOON,
            f"too many attempts at once; hand in again in {count(wait, 'second')}",
            again,
        )


def _check_time(spec: ContestSpec, known: Sequence[Period], now: datetime) -> None:
    if any(period.opens <= now < period.closes for period in known):
        return
    later = [period.opens for period in known if period.opens > now]
    if any(period.closes <= now < period.closes + spec.late_hours for period in known):
        return
    if later:
        raise Refused(RefusalReason.NOT_OPEN, f"the task opens at {iso(min(later))}", min(later))
    if not known:
        raise Refused(RefusalReason.NOT_ALLOWED, "the task is not open to your group")
    closed = max(period.closes for period in known)
    raise Refused(
        RefusalReason.CLOSED, f"the task closed at {iso(closed)}; ask the organisers for an extension"
    )


def _check_number(spec: ContestSpec, attempts: Sequence[Attempt]) -> None:
    """Raise Refused where a team has used up its attempts: what runs now may still get a score, and counts as scored."""
    left = attempts_left(spec, attempts)
    if left.scored == 0:
        raise Refused(
            RefusalReason.NO_ATTEMPTS_LEFT,
            f"all {count(spec.attempts.scored or 0, 'scored attempt')} are used",
        )
    if left.failing == 0:
        raise Refused(
            RefusalReason.NO_ATTEMPTS_LEFT,
            f"all {count(spec.attempts.failing or 0, 'failing attempt')} are used",
        )


@dataclass(frozen=True)
class AttemptsLeft:
    """How many attempts a team has left; None: as many as it likes."""

    scored: int | None
    failing: int | None


def attempts_left(spec: ContestSpec, attempts: Sequence[Attempt]) -> AttemptsLeft:
    """Return how many of a team's attempts of one task are left.

    One that waits is not used up: a newer one would replace it. One that is running is.
    """
    running = sum(attempt.state is AttemptState.RUNNING and not attempt.graded for attempt in attempts)
    scored = running + sum(attempt.scored for attempt in attempts)
    failing = sum(attempt.graded and not attempt.scored for attempt in attempts)
    limits = spec.attempts
    return AttemptsLeft(
        None if limits.scored is None else max(0, limits.scored - scored),
        None if limits.failing is None else max(0, limits.failing - failing),
    )


def allowed_from(spec: ContestSpec, attempts: Sequence[Attempt], now: datetime) -> datetime:
    """Return from when one more attempt is allowed by the cool-down, `now` at the earliest.

    A token bucket: it holds `burst` tokens at most, an attempt takes one, and one comes back every `minutes`. Nobody ever
    waits longer than those, also where the clock was moved back and attempts lie in the future. Replaced and cancelled
    attempts took a token, too; those on which the grader failed took none.
    """
    pause = timedelta(minutes=spec.cooldown.minutes)
    times = sorted(
        min(attempt.received, now) for attempt in attempts if attempt.state is not AttemptState.HELD
    )
    if not pause or not times:
        return now
    tokens, at = float(spec.cooldown.burst), times[0]
    for received in times:
        tokens = max(0.0, min(spec.cooldown.burst, tokens + (received - at) / pause) - 1)
        at = received
    tokens = min(spec.cooldown.burst, tokens + (now - at) / pause)
    return now if tokens >= 1 else now + (1 - tokens) * pause


def counting(spec: ContestSpec, attempts: Sequence[Attempt], events: Sequence[Event] = ()) -> Attempt | None:
    """Return the attempt of one team in one task that counts, None where there is none with a verdict.

    Of equal points the earlier attempt counts. What fails because of the grader never counts.
    """
    done = [attempt for attempt in attempts if attempt.graded]
    if not done:
        return None
    if spec.attempts.counts == "latest":
        return done[-1]
    chosen = [event.submission for event in events if event.kind is EventKind.CHOSEN][-1:]
    if spec.attempts.counts == "chosen":
        for attempt in done:
            if [attempt.number] == chosen:
                return attempt
    return max(done, key=lambda attempt: (points_of(spec, attempt, events) or 0, -attempt.number))
