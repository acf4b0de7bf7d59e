"""Seconds per submission around a trainer that does next to nothing: ours warm and cold, and plain papermill.

    python benchmarks/overhead.py [--submissions 10]

Plain papermill runs the same rebuilt notebook, with the same imports, with the student's function in the kernel.
Waiting time is wall seconds per submission once the batch runs (the one start of the warm parent is given apart);
CPU seconds count every process, the sandbox that is started ahead included.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from measure import Quiet, cpu_seconds, empty_task, report, spread, variant

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.secret import secret_for

if TYPE_CHECKING:
    from grader.task.spec import Task


def ours(task: Task, folder: Path, count: int, *, warm: bool) -> dict[str, Any]:
    """Grade `count` variants of the solution and return the figures per submission."""
    submissions = [Submission(f"s{n}.ipynb", f"s{n}", variant(task, n)) for n in range(count)]
    folder.mkdir()
    repeats = prepare_repeats(
        task, secret_for(folder, None), folder / "evaluation", repeats=1, source="embedded"
    )
    settings = RunSettings("cpu", 60, "any", cold=not warm)
    job = Job(task, submissions, repeats, settings, folder, jobs=1)
    finished: list[float] = []

    class Clock(Quiet):
        def on_result(self, result: Any) -> None:
            assert result.verdict == "scored", result
            finished.append(time.perf_counter())

    begun, cpu = time.perf_counter(), cpu_seconds()
    run_batch(job, Clock())
    gaps = [later - earlier for earlier, later in itertools.pairwise(finished)]
    return {
        "seconds": spread(gaps),
        "first_result_after": round(finished[0] - begun, 3),
        "cpu_seconds_per_submission": round((cpu_seconds() - cpu) / count, 3),
    }


def plain_papermill(task: Task, folder: Path, count: int) -> dict[str, Any]:
    """Run the solution notebook with papermill's own engine, a new kernel each time."""
    folder.mkdir()
    notebook = nbformat.read(task.solution, as_version=4)
    seconds = []
    cpu = cpu_seconds()
    for _ in range(count):
        begun = time.perf_counter()
        papermill.execute_notebook(
            notebook,
            str(folder / "executed.ipynb"),
            parameters={"FINAL_EVALUATION_MODE": True, "PREDICTIONS_PATH": str(folder / "p.npz")},
            kernel_name="python3",
            progress_bar=False,
        )
        seconds.append(time.perf_counter() - begun)
    return {
        "seconds": spread(seconds),
        "cpu_seconds_per_submission": round((cpu_seconds() - cpu) / count, 3),
    }


def main() -> None:
    """Measure the three in one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=10)
    count = parser.parse_args().submissions
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        task = empty_task(folder)
        warm = ours(task, folder / "warm", count, warm=True)
        plain = plain_papermill(task, folder / "plain", max(3, count // 2))
        cold = ours(task, folder / "cold", max(3, count // 2), warm=False)
    medians = {
        name: run["seconds"]["median"] for name, run in (("warm", warm), ("cold", cold), ("plain", plain))
    }
    report(
        "overhead",
        warm=warm,
        cold=cold,
        plain_papermill=plain,
        plain_over_warm=round(medians["plain"] / medians["warm"], 2),
        plain_over_cold=round(medians["plain"] / medians["cold"], 2),
        targets={"plain_over_warm": ">= 18", "warm_seconds": "<= 0.45"},
    )


if __name__ == "__main__":
    main()
