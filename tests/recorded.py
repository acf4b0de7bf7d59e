"""Results and an engine for tests of the gradebook and the batch that need no trainer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from grader.errors import StudentFault, Verdict
from grader.gradebook.result import Metrics, Result, Seconds
from grader.gradebook.run_folder import RunFolder
from grader.task.scoring import points as points_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.task.spec import Task


def result_named(student: str, verdict: Verdict = Verdict.SLOT_ERROR, points: int | None = 0) -> Result:
    """Return a result as grading would."""
    accuracy = 0.5 + (points or 0) / 250
    scored = verdict is Verdict.SCORED
    return Result(
        submission=f"{student}.ipynb", task="t", task_version="1", student=student, submission_sha256="0",
        slot_sha256="0", verdict=verdict, message="m", points=None if verdict is Verdict.GRADER_ERROR else points,
        metrics=Metrics(accuracy, {"model": accuracy}, [accuracy], 0.0) if scored else None, seconds=Seconds(),
        slot_calls=0, penalties=[], changed_cells=[], device="cpu", run_folder=f"out/runs/{student}/run-1",
    )  # fmt: skip


class QuickEngine:
    """An engine that runs nothing: the balanced accuracy of a slot is the number in its first line.

    It counts what it was asked to run, and writes run folders as large as `kilobytes`.
    """

    def __init__(self, seconds: float = 0.0, kilobytes: int = 0) -> None:
        self.seconds, self.kilobytes = seconds, kilobytes
        self.asked: list[str] = []

    def close(self) -> None:
        """Keep nothing."""

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        """Give a result for each submission."""
        for index, submission in enumerate(submissions):
            self.asked.append(submission.student)
            watcher.on_progress(submission.student, 0, 0.5)
            time.sleep(self.seconds)
            yield index, self._result(context.task, submission, runs)

    def _result(self, task: Task, submission: ParsedSubmission, runs: Path) -> Result:
        path, fault = submission.submission.path, submission.fault
        if fault is not None:
            ended = fault.verdict if isinstance(fault, StudentFault) else Verdict.GRADER_ERROR
            failed = replace(result_named(submission.student, ended), message=str(fault))
            return replace(failed, submission=path, task=task.id, task_version=task.version)
        source = submission.slot
        try:
            folder = RunFolder.create(runs, submission.student)
            folder.submission.write_bytes(submission.data())
            folder.repeat(0).path.mkdir()
            folder.repeat(0).executed.write_text(source)
            (folder.path / "predictions.npz").write_bytes(bytes(self.kilobytes << 10))
            folder.flush()
        except OSError as error:
            failed = result_named(submission.student, Verdict.GRADER_ERROR)
            return replace(failed, submission=path, task=task.id, message=str(error.strerror))
        first = source.splitlines()[0].removeprefix("# ")
        verdict = Verdict.SCORED if first.replace(".", "").isdecimal() else Verdict.SLOT_ERROR
        result = result_named(submission.student, verdict)
        if verdict is Verdict.SCORED:
            accuracy = float(first)
            earned = points_of(accuracy, task.spec.score)
            result = replace(
                result, metrics=Metrics(accuracy, {"model": accuracy}, [accuracy], 0.0), points=earned
            )
        return replace(
            result, submission=path, task=task.id, task_version=task.version, run_folder=str(folder.path),
            slot_key=submission.slot_key, slot_sha256=submission.slot_sha256, traceback="" if result.metrics else source,
        )  # fmt: skip


class Quiet:
    """A watcher that remembers what was said."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.results: list[Result] = []
        self.known = 0

    def on_line(self, student: str, line: str) -> None: ...

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Forget it."""

    def on_known(self, count: int) -> None:
        """Remember the count."""
        self.known = count

    def on_result(self, result: Result) -> None:
        """Remember the result."""
        self.results.append(result)

    def on_notice(self, text: str) -> None:
        """Remember the text."""
        self.notices.append(text)
