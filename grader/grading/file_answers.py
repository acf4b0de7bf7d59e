"""Make the file of predictions that an author's own notebook writes: starter, reference and strategies of a task of files."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.gradebook.result import Metrics
from grader.grading.batch import Job, run_batch
from grader.grading.file_predictions import wanted_of
from grader.notebooks.parameters import with_parameters
from grader.notebooks.reading import is_code, read_notebook, source
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.scoring import points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result
    from grader.grading.plan import Watcher
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task
    from grader.task.strategies import Strategy

_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")
_MOST_CHARACTERS = 500


def written_file(notebook: bytes, task: Task, inputs: Path, folder: Path) -> bytes:
    """Return the file that a notebook of the author's writes from the data in `inputs`; it is run in the new `folder`.

    It is run as the author's own program, without walls: never pass a student's. Raises UsageError where it fails, takes
    longer than `limits.wall_seconds` or writes nothing.
    """
    files = task.spec.files
    if files is None:
        raise UsageError(f"{task.id} is no task of files")
    folder.mkdir(parents=True)
    target = folder / files.name
    parameters = {"DATA_PATH": str(inputs.resolve()), "PREDICTIONS_PATH": str(target.resolve())}
    (folder / "notebook.py").write_text(_script(notebook, parameters), encoding="utf-8")
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "notebook.py"],
            cwd=folder,
            env=environment | {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=task.spec.limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        seconds = task.spec.limits.wall_seconds
        raise UsageError(
            f"a notebook of {task.id} took more than limits.wall_seconds = {seconds:g}"
        ) from error
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2][:_MOST_CHARACTERS]
        raise UsageError(f"a notebook of {task.id} failed: {last}")
    if not target.is_file():
        raise UsageError(f"a notebook of {task.id} does not write PREDICTIONS_PATH")
    return target.read_bytes()


def handed_in_by(task: Task, notebook: Path) -> bytes:
    """Return what somebody hands in who worked with a notebook of the author's: itself, or the file that it writes.

    It writes it from the data that everybody draws, without a secret. Raises UsageError where it cannot be read, and as
    `written_file` and `prepare_repeats` do.
    """
    with reporting_os_errors(READ, notebook):
        content = notebook.read_bytes()
    if task.spec.runs_code:
        return content
    source = resolve_source(task.spec.data.source, task.folder)
    with tempfile.TemporaryDirectory(prefix="grader-written-") as folder:
        (repeat,) = prepare_repeats(task, b"", Path(folder) / "data", repeats=1, source=source)
        return written_file(content, task, repeat.inputs, Path(folder) / "run")


def _script(notebook: bytes, parameters: dict[str, str]) -> str:
    """Return the code cells of a notebook, with the values of parameters behind the cell that sets them."""
    cells = with_parameters(read_notebook(notebook), parameters)["cells"]
    return "\n\n".join(source(cell) for cell in cells if is_code(cell)) + "\n"


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
