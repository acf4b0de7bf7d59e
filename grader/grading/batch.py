"""Grade many submissions into one gradebook: nothing twice, nothing lost, and no failure stops the others."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.errors import GraderFault, UsageError, Verdict
from grader.files import WRITTEN, reporting_os_errors, write_atomic
from grader.gradebook.gradebook import Gradebook, Key, Recorded, SubmissionRecord, reading, writing
from grader.gradebook.result import Metrics, Result, csv_row
from grader.gradebook.standings import credits_of
from grader.grading.cache import context_key, may_stand_for, record_for
from grader.grading.engine import opened
from grader.grading.environment import machine, versions
from grader.grading.parsed import ParsedSubmission, parse
from grader.grading.plan import RunContext, Watcher
from grader.submissions.identify import roster_ids
from grader.task.scoring import points, value_of
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.gradebook.late import LateRule
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.engine import Engine
    from grader.submissions.collect import Submission
    from grader.submissions.roster import Roster
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

_ROOM_BYTES = 4 << 20  # with less than this left, a failure of ours is the full disk's
_KEPT = "recorded results are kept"


@dataclass(frozen=True)
class Job:
    """What to grade, on which data, and how.

    `again` runs also what is recorded already. `engine` may serve other batches and stays its owner's to close; without one,
    this machine's is opened and closed. `jobs` submissions are graded at a time. Everybody of `roster` is expected to hand
    in, and `late_rule` takes the place of the recorded one, which stays where there is none.
    """

    task: Task
    submissions: list[Submission]
    repeats: list[Repeat]
    settings: RunSettings
    out: Path
    jobs: int
    command: str = "grade"
    again: bool = False
    engine: Engine | None = None
    roster: Roster | None = None
    late_rule: LateRule | None = None


def run_batch(job: Job, watcher: Watcher) -> list[Result]:
    """Grade every submission of `job` and return the results in the order of the submissions.

    What the gradebook holds for the same program in the same context is not run again. Each result is on the disk
    before the next is waited for. Ctrl-C stops what is running and records nothing of it.
    Raises UsageError where the starter notebook is missing, or the results cannot be written.
    """
    try:
        results = record_batch(job, watcher)
    except KeyboardInterrupt:
        with contextlib.suppress(UsageError):
            write_csv(job.out)
        raise
    write_csv(job.out)
    return results


def record_batch(job: Job, watcher: Watcher) -> list[Result]:
    """Grade as `run_batch` does, without `results.csv`, which takes the longer to write the more results there are."""
    with writing(job.out) as book, opened(job.engine) as engine:
        return _Batch(job, book, watcher, engine).run()


class _Batch:
    """One call of `run_batch`: what is recorded, what is the same as something recorded, and what is run."""

    def __init__(self, job: Job, book: Gradebook, watcher: Watcher, engine: Engine) -> None:
        self._job, self._book, self._watcher, self._engine = job, book, watcher, engine
        key = context_key(job.task, job.repeats, job.settings)
        self._context = RunContext(
            job.task, load_starter(job.task), job.repeats, job.settings, key, jobs=job.jobs
        )
        self._runs = job.out / "runs"
        entries = [_entry(submission, job.task.id) for submission in job.submissions]
        _check_identities(job, book, entries)
        record_rule(job.task, book)
        _enrol(job, book)
        if job.late_rule is not None:
            book.set_late_rule(job.task.id, job.late_rule)
        self._ids = book.enter(entries)
        self._results: dict[int, Result] = {}  # by submission id
        self._parsed: dict[int, ParsedSubmission] = {}  # by index

    def run(self) -> list[Result]:
        job = self._job
        task = {"task": job.task.id, "task_version": job.task.version, "repeats": len(job.repeats)}
        rule = self._book.late_rule(job.task.id)
        dated = {"deadline": rule.deadline.isoformat(), "late": rule.late} if rule else {}
        settings = job.settings.as_json() | task | dated
        self._run = self._book.begin_run(job.command, settings, versions(), machine())
        # The same file of the same student under two paths is one submission.
        todo = sorted({identity: index for index, identity in reversed(list(enumerate(self._ids)))}.values())
        if job.again:
            self._execute(todo)
        else:
            todo = [index for index in todo if not self._is_known(index)]
            if self._results:
                self._watcher.on_known(len(self._results))
            todo = [index for index in todo if not self._is_copied(index)]
            leaders = self._leaders(todo)
            self._execute(leaders)
            followers = [index for index in todo if index not in set(leaders)]
            self._execute([index for index in followers if not self._is_copied(index)])
        self._book.end_run(self._run)
        return [self._results[identity] for identity in self._ids]

    def _is_known(self, index: int) -> bool:
        """Take the result of this very submission, if it is recorded; its points follow the score map of today."""
        recorded = self._book.latest(self._ids[index], self._context.key)
        if recorded is None or not measures_the_same(recorded.result, self._job.task):
            return False
        result = with_points(recorded.result, self._job.task)
        self._results[self._ids[index]] = result
        if result != recorded.result:
            self._book.record(self._run, recorded.submission, result, recorded.key, recorded.identical_to)
        return True

    def _is_copied(self, index: int) -> bool:
        """Record the result of the same program from somebody else, if there is one."""
        submission = self._parse(index)
        key = Key(self._context.key, submission.slot_key)
        for twin in self._book.executed(key) if submission.fault is None else []:
            if may_stand_for(twin.result, submission) and measures_the_same(twin.result, self._job.task):
                original = with_points(twin.result, self._job.task)
                with reporting_os_errors(WRITTEN, self._runs, _KEPT):
                    result = record_for(original, submission, self._runs)
                self._record(index, result, twin)
                return True
        return False

    def _leaders(self, todo: list[int]) -> list[int]:
        """Return the first index of each program; what has no slot is a program of its own."""
        first: dict[object, int] = {}
        for index in todo:
            first.setdefault(self._parse(index).slot_key or index, index)
        return list(first.values())

    def _parse(self, index: int) -> ParsedSubmission:
        """Return a submission read: once, however often it is asked for before its result is there."""
        if index not in self._parsed:
            self._parsed[index] = parse(self._job.submissions[index], self._context.starter)
        return self._parsed[index]

    def _execute(self, indices: list[int]) -> None:
        if not indices:
            return
        submissions = [self._parse(index) for index in indices]
        running = self._engine.grade(self._context, submissions, self._runs, self._watcher)
        with contextlib.closing(running) as graded:
            for number, result in graded:
                if result.verdict is Verdict.GRADER_ERROR:
                    self._stop_if_full()
                self._record(indices[number], result)

    def _record(self, index: int, result: Result, twin: Recorded | None = None) -> None:
        identity = self._ids[index]
        key = Key(self._context.key, result.slot_key)
        del self._parsed[index]
        self._book.record(self._run, identity, result, key, identical_to=twin.id if twin else None)
        self._results[identity] = result
        self._watcher.on_result(result)

    def _stop_if_full(self) -> None:
        """Stop where a failure of ours comes from a full disk: it would be the same for everybody.

        What a message says does not count, for a student's text may be in it.
        """
        advice = f"make room and call again: {_KEPT}"
        with (
            reporting_os_errors(WRITTEN, self._job.out, advice),
            tempfile.TemporaryFile(dir=self._job.out) as file,
        ):
            file.write(bytes(_ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())


def record_rule(task: Task, book: Gradebook) -> None:
    """Record which attempt counts: what task.toml states, else what is recorded, else the default."""
    stated = "leaderboard" in task.spec.model_fields_set
    (book.counts if stated else book.counts_unless_recorded)(task.id, task.spec.leaderboard)


def with_points(result: Result, task: Task) -> Result:
    """Return `result` with the points that today's score map gives for what was measured.

    Raises GraderFault where the task measures something else today.
    """
    metrics = result.metrics
    if metrics is None:
        return result
    if not measures_the_same(result, task):
        raise GraderFault(f"{metrics.metric.name} was measured, and today it would be {task.metric.name}")
    if task.spec.score.parts:
        values = [value_of(measured, task.spec.score) for measured in metrics.repeats]
        metrics = Metrics.of(task.metric, values, metrics.repeats)
    metrics = replace(metrics, metric=task.metric)
    earned = points(metrics.value, task.spec.score)
    if (earned, metrics) == (result.points, result.metrics):
        return result
    return replace(result, points=earned, metrics=metrics, task_version=task.version)


def measures_the_same(result: Result, task: Task) -> bool:
    """Return whether what was measured is what the task measures today.

    What an earlier score.py refused may be fine for that of today.
    """
    if result.verdict is Verdict.INVALID_OUTPUT and task.score_source:
        return result.task_version == task.version
    return result.metrics is None or result.metrics.metric.scorer == task.metric.scorer


def write_csv(out: Path) -> None:
    """Write `results.csv` anew in one move: the result of each submission that counts.

    Raises UsageError where it cannot be written.
    """
    with reading(out) as book:
        current = book.current()
        worth = credits_of(book.leaderboard(), current)
    rows = [
        csv_row(entry.result, entry.attempt, worth[entry.id].points, worth[entry.id].reason)
        for entry in current
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(out / "results.csv", text.getvalue().encode())


def _enrol(job: Job, book: Gradebook) -> None:
    """Record who the senders and all others of the roster are; a person has the id of what they sent."""
    senders = {submission.person: submission.student for submission in job.submissions if submission.person}
    ids = roster_ids(job.roster.people, senders) if job.roster else senders
    book.enrol([(student, person.name, person.email, person.section) for person, student in ids.items()])
    if job.roster:
        book.expect(job.task.id, list(ids.values()))


def _check_identities(job: Job, book: Gradebook, entries: Sequence[SubmissionRecord]) -> None:
    """Refuse files that the gradebook knows as those of people on a roster, and that now seem to be somebody else's."""
    for submission, entry in zip(job.submissions, entries, strict=True):
        owner = book.enrolled_owner(entry)
        if owner is not None and submission.person is None:
            raise UsageError(
                f"{entry.path} is in the gradebook as {owner}'s, and now it would be {entry.student}'s: "
                f"give the --roster and the --student-id of the first call"
            )


def _entry(submission: Submission, task: str) -> SubmissionRecord:
    try:
        digest = hashlib.sha256(submission.data).hexdigest() if submission.data is not None else ""
    except GraderFault:
        digest = ""
    return SubmissionRecord(
        task=task,
        student=submission.student,
        path=submission.path,
        digest=digest or f"path:{submission.path}",
        submitted=submission.submitted,
        late=submission.late,
    )
