"""Apply the task.toml and score.py of today to recorded results; no code of a student runs."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, UsageError, Verdict, explanation_of
from grader.gradebook.gradebook import reading, writing
from grader.gradebook.result import Metrics
from grader.gradebook.run_folder import RunFolder
from grader.grading.batch import measures_the_same, record_rule, with_points, write_csv
from grader.grading.cache import context_key
from grader.grading.environment import machine, versions
from grader.grading.rerun import settings_of
from grader.task.scoring import measure_all, points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

    RepeatsOf = Callable[[RunSettings], Sequence[Repeat]]

_MEASURED_AGAIN = {Verdict.SCORED, Verdict.INVALID_OUTPUT, Verdict.GRADER_ERROR}


@dataclass(frozen=True)
class Rescored:
    """A result that counts, and what it becomes."""

    recorded: Recorded
    after: Result


def rescored(out: Path, task: Task, repeats_of: RepeatsOf) -> list[Rescored]:
    """Return what each current result of `task` would become, of those that change; nothing is recorded.

    A map that changed is applied to what was measured. Where something else is measured today, the kept predictions are
    compared with the answers of `repeats_of` the run's settings.

    Raises UsageError where there are no results, or predictions or answers are not those of the record.
    """
    with reading(out) as book:
        current = [row for row in book.current() if row.result.task == task.id]
        history = {row.id: row for row in book.history()}
    if not current:
        raise UsageError(f"{out} holds no results of {task.id}")
    prepared = functools.cache(repeats_of)  # most runs have the same settings, and data take long to prepare
    changed = []
    for row in current:
        executed = history.get(row.identical_to or row.id, row)
        if row.result.metrics is not None and measures_the_same(row.result, task):
            after = with_points(row.result, task)
        else:
            after = _measured_again(out, row.result, executed, task=task, repeats_of=prepared)
        if after != row.result:
            changed.append(Rescored(row, after))
    return changed


def apply_rescored(out: Path, task: Task, changed: Sequence[Rescored]) -> None:
    """Record what results became.

    Raises UsageError where that cannot be written, or other results count since they were compared; then nothing is recorded.
    """
    with writing(out) as book:
        current = {row.id for row in book.current()}
        if any(change.recorded.id not in current for change in changed):
            raise UsageError(f"{out} got new results meanwhile, so nothing was changed; call it again")
        settings = {
            "task": task.id,
            "task_version": task.version,
            "score": task.spec.score.model_dump(mode="json"),
        }
        run = book.begin_run("rescore", settings, versions(), machine())
        record_rule(task, book)
        for change in changed:
            row = change.recorded
            book.record(run, row.submission, change.after, row.key, row.identical_to)
        book.end_run(run)
    write_csv(out)


def _measured_again(
    out: Path, result: Result, executed: Recorded, *, task: Task, repeats_of: RepeatsOf
) -> Result:
    """Return the result with what the kept predictions are worth today.

    What was not scored stays as it is where predictions are not all there, and what was refused also where they are of another task.
    """
    if result.verdict not in _MEASURED_AGAIN:
        return result
    settings, folder = settings_of(out, executed), RunFolder.of(out, executed.result)
    files = [folder.repeat(number).predictions for number in range(settings.repeats)]
    if not all(path.is_file() for path in files):
        if result.verdict is not Verdict.SCORED:
            return result  # a run that never came so far
        raise UsageError(
            f"the predictions of {result.student} were not kept; grade them again: grader regrade {task.id}"
        )
    repeats = list(repeats_of(settings))
    if context_key(task, repeats, settings) != executed.key.context:
        if result.verdict is Verdict.INVALID_OUTPUT:
            return result  # as it was; the next call of grade runs it again
        raise UsageError(
            f"the task, the settings or the secret are not those of {result.student}'s record: "
            f"answers would differ; grade them again: grader regrade {task.id}"
        )
    try:
        answers = [repeat.answers for repeat in repeats]
        scores = measure_all(list(zip(files, answers, strict=True)), task)
    except StudentFault as fault:
        return replace(
            result,
            verdict=fault.verdict,
            message=fault.message,
            points=0,
            metrics=None,
            task_version=task.version,
        )
    except GraderFault as fault:
        raise UsageError(f"{result.student} cannot be measured: {fault}") from fault
    metrics = Metrics.of(task.metric, [score.value for score in scores], [score.measured for score in scores])
    scored = explanation_of(Verdict.SCORED, of_files=not task.spec.runs_code)
    message = result.message if result.verdict is Verdict.SCORED else scored.sentence
    return replace(
        result, verdict=Verdict.SCORED, message=message, points=points(metrics.value, task.spec.score),
        metrics=metrics, task_version=task.version,
    )  # fmt: skip
