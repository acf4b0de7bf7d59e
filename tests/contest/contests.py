"""A small contest for tests: its rules, its people, and clocks that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from grader.contest.folder import Contest, start_contest
from grader.contest.intake import Ticket
from grader.contest.moments import Moment
from grader.contest.people import NewParticipant, Participant, enrol
from grader.contest.store import Store
from grader.errors import Verdict
from grader.gradebook.result import Metrics, Result, Seconds

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.receipts import Receipt

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
RULES = """
title = "Test contest"
zone = "UTC"

[[tasks]]
name = "toy_task"

[[windows]]
opens = 2026-11-30T09:00:00
closes = 2026-11-30T14:00:00

[cooldown]
minutes = 0
"""


@dataclass
class Clocks:
    """Two clocks that stand still until a test moves them."""

    wall: datetime = field(default=START + timedelta(hours=1))
    ticks: float = 1000.0
    boot: str = "first"

    def __call__(self) -> Moment:
        return Moment(self.wall, self.ticks, self.boot)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds


@dataclass(frozen=True)
class SmallContest:
    """A contest with its clocks, and Ada and Bob in it, each alone."""

    contest: Contest
    clocks: Clocks
    ada: Participant
    bob: Participant

    @property
    def store(self) -> Store:
        return self.contest.store

    def hand_in(
        self, person: Participant, content: bytes = b"{}", *, task: str = "toy_task", key: str | None = None
    ) -> Receipt:
        """Hand in a file for somebody."""
        return self.contest.intake.take(Ticket(person.id, task, "api", key), [content])


def small_contest(folder: Path, rules: str = RULES) -> SmallContest:
    """Start a contest in `folder`."""
    started = start_contest(folder, rules)
    clocks = Clocks()
    contest = Contest(Store(folder, clocks), started.spec, started.signer)
    with contest.store.writing() as transaction:
        ada, bob = enrol(transaction, [NewParticipant("Ada", "1", group="pl"), NewParticipant("Bob", "2")])
    return SmallContest(contest, clocks, ada, bob)


def result(verdict: Verdict = Verdict.SCORED, points: int | None = 50, seconds: float = 10.0) -> Result:
    """Return what grading may come to."""
    scores = [0.5, 0.52, 0.54] if verdict is Verdict.SCORED else []
    metrics = Metrics(0.52, {}, scores, 0.02) if scores else None
    return Result(
        "file", "toy_task", "1", "team", "", "", verdict, "a sentence", points, metrics, Seconds(seconds), 0, [], [], "cpu", ""
    )  # fmt: skip
