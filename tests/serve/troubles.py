"""What happens to a machine while students hand in: kills, a full disk, a clock that is moved, and backups."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senders import LIMIT_SECONDS

from grader.contest import queue
from grader.contest.attempts import AttemptState
from grader.contest.backup import back_up

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from machines import Machine
    from senders import Sender, Upload

    from grader.contest.folder import Contest

_MOST_SERVED = LIMIT_SECONDS / 4
_ENDED = {AttemptState.DONE, AttemptState.REPLACED}
_ANY_MOMENT = 0.2  # of the kills of the site happen whether or not it has answered since the last one


@dataclass(frozen=True)
class Scale:
    """How much happens: `troubles` in their order, one every `spacing` seconds on average; the clock jumps `jump` seconds.

    One that begins late because of the one before is followed sooner. After `seconds` nothing more of it happens: a slow
    machine gets through fewer.
    """

    troubles: Sequence[str]
    spacing: float
    jump: float = 0.0
    seconds: float = math.inf


@dataclass(frozen=True)
class Backup:
    """A copy of the contest's folder, and the uploads that had a receipt before it began."""

    folder: Path
    uploads: Sequence[Upload]


@dataclass
class Troubles:
    """What happens to a machine while students hand in."""

    machine: Machine
    contest: Contest
    senders: Sequence[Sender]
    scale: Scale
    chance: random.Random
    backups: list[Backup] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _graded: int = 0
    _answers: int = 0
    _killed: float = 0.0

    def play(self) -> None:
        """Let them all happen."""
        try:
            wait_for(lambda: answers(self.senders) > 0)  # before it is served, nothing is at stake
            self._killed = time.monotonic()
            due = self._killed
            end = due + self.scale.seconds
            for trouble in self.scale.troubles:
                due += self.chance.random() * 2 * self.scale.spacing
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() > end:
                    return
                getattr(self, f"_{trouble}")()
        finally:
            self.over.set()

    def _site(self) -> None:
        # Mostly it has answered since the last kill: else nobody could hand in on a slow machine.
        if self.chance.random() < _ANY_MOMENT or wait_for(lambda: answers(self.senders) > self._answers):
            # And it serves for a while: the longer, the longer it took to start.
            time.sleep(min(_MOST_SERVED, self.chance.random() * (time.monotonic() - self._killed)))
            self._answers, self._killed = answers(self.senders), time.monotonic()
            self.machine.kill_site(self.chance.random() / 2)

    def _worker(self) -> None:
        # Between two kills something is graded: what ends three workers in a row is held, as it should be.
        if wait_for(self._is_grading):
            self._graded = graded(self.contest) + 1
            self.machine.kill_worker(self.chance.random())

    def _both(self) -> None:
        if wait_for(self._is_grading):
            self._graded = graded(self.contest) + 1
            self.machine.kill_both(self.chance.random())

    def _disk(self) -> None:
        known = self._problems()
        self.machine.fill_disk()
        wait_for(lambda: self.machine.has_given_up or self._problems() > known)
        time.sleep(self.chance.random())
        self.machine.free_disk()

    def _problems(self) -> int:
        return sum(len(sender.problems) for sender in self.senders)

    def _clock(self) -> None:
        for ahead in (self.scale.jump, -self.scale.jump, 0):
            known = answers(self.senders)
            self.machine.move_clock(ahead)
            wait_for(lambda known=known: answers(self.senders) > known + 1)  # type: ignore[misc]

    def _backup(self) -> None:
        known = [upload for upload in answered(self.senders) if upload.receipt]
        folder = self.contest.store.folder.parent / f"backup-{len(self.backups)}"
        back_up(self.contest.store, folder)
        self.backups.append(Backup(folder, known))

    def _is_grading(self) -> bool:
        with self.contest.store.reading() as transaction:
            runs = transaction.connection.execute("SELECT 1 FROM leases").fetchone()
        return runs is not None and graded(self.contest) >= self._graded


def answered(senders: Sequence[Sender]) -> list[Upload]:
    """Return what has an answer by now."""
    uploads = [upload for sender in senders for upload in list(sender.uploads)]
    return [upload for upload in uploads if upload.receipt or upload.refusal]


def answers(senders: Sequence[Sender]) -> int:
    """Return how many answers there were by now."""
    return sum(sender.answers for sender in senders)


def graded(contest: Contest) -> int:
    """Return how many verdicts came from a run."""
    with contest.store.reading() as transaction:
        row = transaction.connection.execute("SELECT COUNT(*) FROM verdicts WHERE seconds > 0").fetchone()
    return int(row[0])


def wait_for(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so, for twice the limit at most; return whether it is."""
    until = time.monotonic() + LIMIT_SECONDS
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


def wait_for_all(contest: Contest) -> bool:
    """Wait until everything has an end; return False where nothing has come to one for twice the limit of a run.

    What is held, because it was running when its worker was killed again and again, is released as organisers do.
    """
    release_held(contest)
    while left := unfinished(contest):
        if not wait_for(lambda left=left: unfinished(contest) < left):  # type: ignore[misc]
            return False
    return True


def unfinished(contest: Contest) -> int:
    """Return how many submissions have no end yet."""
    marks = ", ".join("?" * len(_ENDED))
    query = f"SELECT COUNT(*) FROM submissions WHERE state NOT IN ({marks})"
    with contest.store.reading() as transaction:
        row = transaction.connection.execute(query, tuple(_ENDED)).fetchone()
    return int(row[0])


def release_held(contest: Contest) -> None:
    """Release everything that is held."""
    with contest.store.writing() as transaction:
        query = "SELECT number FROM submissions WHERE state = 'held'"
        for row in transaction.connection.execute(query).fetchall():
            queue.release(transaction, row["number"], "the machine failed, not the program")
