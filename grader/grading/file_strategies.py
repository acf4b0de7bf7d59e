"""Grade the strategies of a task of files: each one's notebook writes a file for each repeat."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from grader.gradebook.result import Metrics
from grader.grading.batch import Job, run_batch
from grader.grading.file_answers import written_file
from grader.grading.file_predictions import wanted_of
from grader.submissions.collect import Submission
from grader.task.scoring import points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result
    from grader.grading.plan import Watcher
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task
    from grader.task.strategies import Strategy


def grade_strategies(job: Job, answers: Sequence[Strategy], watcher: Watcher) -> list[Result]:
    """Return a result for each of `answers`, whose notebooks write a file for each repeat of `job`, with the mean of all repeats.

    The submissions of `job` take no part. Raises UsageError as `written_file` and `run_batch` do.
    """
    results: list[list[Result]] = []
    wanted = [(answer, job, repeat) for repeat in job.repeats for answer in answers]
    pool = ThreadPoolExecutor(job.jobs)
    try:
        made = pool.map(_submission, *zip(*wanted, strict=True))
        for repeat in job.repeats:
            submissions = list(islice(made, len(answers)))
            results.append(run_batch(replace(job, submissions=submissions, repeats=[repeat]), watcher))
    finally:
        pool.shutdown(cancel_futures=True)
    return [_mean(list(of_answer), job.task) for of_answer in zip(*results, strict=True)]


def _submission(answer: Strategy, job: Job, repeat: Repeat) -> Submission:
    """Return what the notebook of `answer` writes. A file that an earlier call made of the same notebook and data is kept."""
    mark = hashlib.sha256(answer.notebook + repeat.mark.encode()).hexdigest()[:12]
    kept = job.out / "written" / answer.name / f"repeat-{repeat.number}-{mark}"
    if not kept.exists():
        unfinished = kept.with_name(f"{kept.name}-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)  # of a call that was interrupted
        written_file(answer.notebook, job.task, repeat.inputs, unfinished)
        unfinished.rename(kept)
    data = (kept / wanted_of(job.task).name).read_bytes()
    return Submission(f"{answer.name}-{repeat.number}", answer.name, data)


def _mean(results: list[Result], task: Task) -> Result:
    """Return the first result with what all of them measured; one that was not scored where there is one."""
    metrics = [result.metrics for result in results]
    measured = [values for each in metrics if each is not None for values in each.repeats]
    if any(each is None for each in metrics):
        return next(result for result in results if result.metrics is None)
    values = [value for each in metrics if each is not None for value in each.per_repeat]
    mean = Metrics.of(task.metric, values, measured)
    return replace(results[0], metrics=mean, points=points(mean.value, task.spec.score))
