"""Read from events what became of each attempt of a team: the past that the rules of a contest look at."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from grader.contest.events import Event, EventKind
from grader.errors import Verdict
from grader.gradebook.result import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable


class AttemptState(StrEnum):
    """Where an attempt is on its way; the values are those of the database."""

    RECEIVED = "received"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


_STATES = {
    EventKind.RECEIVED: AttemptState.RECEIVED,
    EventKind.QUEUED: AttemptState.QUEUED,
    EventKind.STARTED: AttemptState.RUNNING,
    EventKind.FAILED: AttemptState.QUEUED,
    EventKind.EXPIRED: AttemptState.QUEUED,
    EventKind.HELD: AttemptState.HELD,
    EventKind.RELEASED: AttemptState.QUEUED,
    EventKind.REQUEUED: AttemptState.QUEUED,
    EventKind.REPLACED: AttemptState.REPLACED,
    EventKind.CANCELLED: AttemptState.CANCELLED,
    EventKind.VERDICT: AttemptState.DONE,
}


@dataclass(frozen=True)
class Attempt:
    """One file that a team handed in, as the events tell.

    `points` are those of grading, `repeats` the scores they come from, both without value unless it was scored.
    `person` is who of the team handed it in, and `group` the group that person was in then.
    """

    number: int
    team: str
    task: str
    person: str
    group: str
    received: datetime
    state: AttemptState = AttemptState.RECEIVED
    verdict: Verdict | None = None
    points: int | None = None
    repeats: tuple[float, ...] = ()
    disqualified: bool = False

    @property
    def graded(self) -> bool:
        """Whether it has a verdict that stands: also while it is graded once more."""
        return self.verdict is not None and self.state is not AttemptState.CANCELLED

    @property
    def scored(self) -> bool:
        """Whether it has a score that stands."""
        return self.graded and self.verdict is Verdict.SCORED

    @property
    def metrics(self) -> Metrics | None:
        """What was measured, in the form in which noise is judged."""
        if not self.repeats:
            return None
        spread = statistics.stdev(self.repeats) if len(self.repeats) > 1 else 0.0
        return Metrics(statistics.fmean(self.repeats), {}, list(self.repeats), spread)


def attempts_of(events: Iterable[Event]) -> list[Attempt]:
    """Return the attempts of which `events` tell, by number; events of other things are skipped."""
    attempts: dict[int, Attempt] = {}
    for event in events:
        if event.kind is EventKind.RECEIVED and event.submission is not None:
            data = event.data
            attempts[event.submission] = Attempt(
                event.submission,
                event.team,
                event.task,
                data["person"],
                data["group"],
                datetime.fromisoformat(data["received"]),
            )
        elif event.submission in attempts:
            attempts[event.submission] = _after(attempts[event.submission], event)
    return [attempts[number] for number in sorted(attempts)]


def _after(attempt: Attempt, event: Event) -> Attempt:
    if event.kind is EventKind.DISQUALIFIED:
        return replace(attempt, disqualified=event.data["disqualified"])
    state = _STATES.get(event.kind, attempt.state)
    if event.kind is EventKind.VERDICT:
        return replace(
            attempt,
            state=state,
            verdict=Verdict(event.data["verdict"]),
            points=event.data["points"],
            repeats=tuple(event.data["repeats"]),
        )
    return replace(attempt, state=state)
