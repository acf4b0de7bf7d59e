"""Rehearse a contest: starter, reference and a broken file of each task go through a real intake and a real queue."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from grader.contest.attempts import AttemptState
from grader.contest.folder import Contest, open_contest
from grader.contest.grading import task_of_contest
from grader.contest.intake import Ticket
from grader.contest.people import NewParticipant, enrol
from grader.contest.spec import BoardRules, CoolDown, Window
from grader.contest.store import SPEC_FILE
from grader.errors import Verdict
from grader.findings import Finding
from grader.grading.file_answers import handed_in_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.contest.people import Participant
    from grader.contest.spec import ContestSpec
    from grader.contest.store import Transaction
    from grader.contest.worker import ContestWorker
    from grader.task.spec import Task

_DAY = timedelta(days=1)
BROKEN = b'{"cells": [{"cell_type": "code", '  # the beginning of a notebook, as an upload that broke off
_STARTER, _REFERENCE, _BROKEN = "starter", "reference", "broken file"


@dataclass(frozen=True)
class RehearsedAttempt:
    """What came of one file: `seconds` from receipt to verdict are the grading's own, `size` is in bytes."""

    task: str
    file: str
    state: AttemptState
    verdict: str
    points: int | None
    seconds: float
    size: int


@dataclass(frozen=True)
class Forecast:
    """What a contest will need: GB of disk, and hours of grading with so many submissions at a time."""

    attempts: int
    disk_gb: float
    hours: float


def rehearse(
    contest: Contest, folder: Path, worker_of: Callable[[Contest], ContestWorker]
) -> list[RehearsedAttempt]:
    """Play the files of every task in the empty `folder`, under the rules of `contest` but with all windows open.

    Raises UsageError where a task's notebooks are missing, or the rules refuse a file.
    """
    shutil.copyfile(contest.store.spec_file, folder / SPEC_FILE)
    copied = open_contest(folder)
    trial = replace(copied, spec=_open_now(contest, copied.store.clocks().wall))
    files = _files_of(contest)
    with trial.store.writing() as transaction:
        people = enrol(transaction, [NewParticipant(name, name) for name in (_STARTER, _REFERENCE, _BROKEN)])
    sender = {person.name: person for person in people}
    for task, name, content in files:
        trial.intake.take(Ticket(sender[name].id, task.id, "rehearsal", ending=task.spec.ending), [content])
    worker_of(trial).run(threading.Event(), until_idle=True)
    with trial.store.reading() as transaction:
        return [_outcome(transaction, sender[name], task.id, len(content)) for task, name, content in files]


def findings_of(attempts: list[RehearsedAttempt]) -> list[Finding]:
    """Return for each file whether it ended as it should: starter and reference scored, the broken file answered at once."""
    broken = {Verdict.INVALID_NOTEBOOK, Verdict.INVALID_FILE, Verdict.INVALID_OUTPUT}
    expected = {_STARTER: {Verdict.SCORED}, _REFERENCE: {Verdict.SCORED}, _BROKEN: broken}
    findings = []
    for attempt in attempts:
        shown = attempt.verdict or str(attempt.state)
        points = f", {attempt.points} points" if attempt.verdict == Verdict.SCORED else ""
        detail = f"{shown}{points}, {attempt.seconds:.0f} s"
        findings.append(
            Finding(f"{attempt.task}, {attempt.file}", attempt.verdict in expected[attempt.file], detail)
        )
    return findings


def forecast(spec: ContestSpec, attempts: list[RehearsedAttempt], *, teams: int, jobs: int) -> Forecast:
    """Return what so many teams need if each uses all its scored attempts (10 where there is no limit), as the reference does."""
    each = spec.attempts.scored or 10
    graded = [attempt for attempt in attempts if attempt.file == _REFERENCE]
    seconds = sum(attempt.seconds for attempt in graded) * teams * each
    size = sum(attempt.size for attempt in graded) * teams * each * 3  # as handed in, rebuilt, and executed
    return Forecast(teams * each * len(graded), size / 1e9, seconds / 3600 / jobs)


def _open_now(contest: Contest, now: datetime) -> ContestSpec:
    window = Window.model_validate({"opens": now - _DAY, "closes": now + _DAY})
    tasks = tuple(
        named.model_copy(update={"name": str(task_of_contest(contest, named).folder)})
        for named in contest.spec.tasks
    )  # the copy lies elsewhere
    return contest.spec.model_copy(
        update={
            "tasks": tasks,
            "windows": (window,),
            "cooldown": CoolDown(minutes=0),
            "leaderboard": BoardRules(),
        }
    )


def _files_of(contest: Contest) -> list[tuple[Task, str, bytes]]:
    files = []
    for named in contest.spec.tasks:
        task = task_of_contest(contest, named)
        files += [
            (task, _STARTER, handed_in_by(task, task.starter)),
            (task, _REFERENCE, handed_in_by(task, task.solution)),
            (task, _BROKEN, BROKEN),
        ]
    return files


def _outcome(transaction: Transaction, person: Participant, task: str, size: int) -> RehearsedAttempt:
    row = transaction.connection.execute(
        "SELECT state, verdict, points, seconds FROM submissions LEFT JOIN verdicts ON submission = number "
        "WHERE person = ? AND task = ? ORDER BY verdicts.id DESC LIMIT 1",
        (person.id, task),
    ).fetchone()
    return RehearsedAttempt(
        task,
        person.name,
        AttemptState(row["state"]),
        row["verdict"] or "",
        row["points"],
        row["seconds"] or 0.0,
        size,
    )
