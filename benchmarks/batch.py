"""Seconds per `noisy_labels` submission of a batch: ours with one job and with two, a papermill loop, bare training.

    python benchmarks/batch.py [--submissions 24] [--rounds 1]

Every submission is another program. The loop runs the same rebuilt notebooks one after another with plain papermill,
the function in the kernel, on the same hidden data and seeds, and scores what they save. Bare training is the code
cells with `exec` in a fork of a process that has imported everything: alone (`bare`, every third submission), and two
at once (`bare_two`, every sixth), which is what the machine gives to two trainings without any grader. Ours is the
whole call of `run_batch`, its start included. One thread everywhere.

    ours_J_over_loop  seconds per submission of the loop / those of ours with J jobs
    efficiency_J      seconds of a bare training / (J * seconds per submission of ours with J jobs)
    of_machine        seconds of two bare trainings at once / (2 * seconds per submission of ours with two jobs)

`others` is the number of cores that other programs kept busy meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from measure import Neighbours, Quiet, cpu_seconds, report, spread, variant

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.submissions.collect import Submission
from grader.task.evaluation import Repeat, prepare_repeats
from grader.task.scoring import score
from grader.task.secret import secret_for
from grader.task.spec import load_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

WALL_SECONDS = 300
BARE_EVERY = 3  # the programs do the same work, and a bare training is no part of a batch
PAIR_EVERY = 6
TARGETS = {"ours_2_over_loop": 1.8, "efficiency_1": 0.85, "efficiency_2": 0.85}  # each: at least

Scores = dict[str, float]  # balanced accuracy by student


@dataclass(frozen=True)
class Bench:
    """What every way of grading gets: the same submissions, hidden data and seeds."""

    submissions: list[Submission]
    repeat: Repeat
    job: Job
    folder: Path

    def parameters(self, predictions: Path) -> dict[str, Any]:
        """Return what the grader sets in the notebook."""
        return {
            "FINAL_EVALUATION_MODE": True,
            "DATA_PATH": str(self.repeat.inputs),
            "PREDICTIONS_PATH": str(predictions),
            "SEED": self.repeat.trainer_seed,
            "DEVICE": "cpu",
        }

    def score(self, predictions: Path) -> float:
        """Return the balanced accuracy of what a notebook saved, the mean of its models."""
        return statistics.fmean(score(predictions, self.repeat.answers).values())


def ours(bench: Bench, folder: Path, jobs: int) -> tuple[dict[str, Any], Scores]:
    """Grade all submissions in one call of `run_batch`."""
    folder.mkdir()
    finished: list[float] = []

    class Clock(Quiet):
        def on_result(self, result: Any) -> None:
            assert result.verdict == "scored", result
            finished.append(time.perf_counter())

    neighbours, cpu, begun = Neighbours(), cpu_seconds(), time.perf_counter()
    results = run_batch(Job(**{**vars(bench.job), "out": folder, "jobs": jobs}), Clock())
    seconds, count = time.perf_counter() - begun, len(results)
    figures = {
        "seconds_per_submission": round(seconds / count, 3),
        "seconds_of_one": spread([result.seconds.total for result in results]),
        "first_result_after": round(finished[0] - begun, 3),
        "cpu_seconds_per_submission": round((cpu_seconds() - cpu) / count, 3),
        "others": neighbours.cores(),
    }
    return figures, {result.student: result.metrics.value for result in results if result.metrics}


def loop_and_bare(bench: Bench, folder: Path) -> tuple[dict[str, Any], Scores]:
    """Take turns: plain papermill for every submission, bare training for some, alone and two at once."""
    folder.mkdir()
    looped: list[float] = []
    alone: list[float] = []
    together: list[float] = []
    scores: Scores = {}
    neighbours = Neighbours()
    for number, submission in enumerate(bench.submissions):
        predictions = folder / f"{submission.student}.npz"
        begun = time.perf_counter()
        papermill.execute_notebook(
            nbformat.reads(submission.data, as_version=4),
            str(folder / "executed.ipynb"),
            parameters=bench.parameters(predictions),
            kernel_name="python3",
            progress_bar=False,
            cwd=str(folder),
        )
        scores[submission.student] = bench.score(predictions)
        looped.append(time.perf_counter() - begun)
        if number % BARE_EVERY == 0:
            alone += bare(bench, [submission], folder)
        if number % PAIR_EVERY == 0:
            together += bare(bench, [submission] * 2, folder)
    figures = {
        "loop": {
            "seconds_per_submission": round(statistics.fmean(looped), 3),
            "seconds_of_one": spread(looped),
        },
        "bare": {
            "seconds_per_submission": round(statistics.fmean(alone), 3),
            "seconds_of_one": spread(alone),
        },
        "bare_two": {
            "seconds_per_submission": round(statistics.fmean(together) / 2, 3),
            "seconds_of_one": spread(together),
        },
        "others": neighbours.cores(),
    }
    return figures, scores


def bare(bench: Bench, submissions: Sequence[Submission], folder: Path) -> list[float]:
    """Return the wall seconds of the cells of each notebook, all at once, each in a fork of this process."""
    context = multiprocessing.get_context("fork")
    running = []
    for number, submission in enumerate(submissions):
        receiver, sender = context.Pipe(duplex=False)
        place = folder / f"bare-{number}"
        place.mkdir(exist_ok=True)
        process = context.Process(target=_run_cells, args=(bench, submission, place, sender))
        process.start()
        sender.close()
        running.append((receiver, process))
    seconds = [float(receiver.recv()) for receiver, _ in running]
    for _, process in running:
        process.join()
    return seconds


def _run_cells(bench: Bench, submission: Submission, place: Path, sender: Connection) -> None:
    os.chdir(place)
    space: dict[str, Any] = {"display": lambda *_: None}
    begun = time.perf_counter()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        for cell in nbformat.reads(submission.data, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            exec(cell.source, space)
            if "parameters" in cell.metadata.get("tags", []):
                space |= bench.parameters(place / "predictions.npz")
    sender.send(time.perf_counter() - begun)


def one_round(bench: Bench, folder: Path) -> dict[str, Any]:
    """Grade every submission each way and compare."""
    folder.mkdir()
    figures, by_loop = loop_and_bare(bench, folder / "loop")
    one, by_one = ours(bench, folder / "one", 1)
    two, by_two = ours(bench, folder / "two", 2)
    seconds = {name: figures[name]["seconds_per_submission"] for name in ("loop", "bare", "bare_two")}
    first, second = one["seconds_per_submission"], two["seconds_per_submission"]
    differences = [abs(other[name] - by_loop[name]) for other in (by_one, by_two) for name in by_loop]
    return {
        "ours_1": one,
        "ours_2": two,
        **figures,
        "ours_1_over_loop": round(seconds["loop"] / first, 3),
        "ours_2_over_loop": round(seconds["loop"] / second, 3),
        "efficiency_1": round(seconds["bare"] / first, 3),
        "efficiency_2": round(seconds["bare"] / (2 * second), 3),
        "of_machine": round(seconds["bare_two"] / second, 3),
        "largest_difference_of_scores": max(differences),
    }


def warm_up() -> None:
    """Import what a trainer imports, before anything is forked or measured."""
    import matplotlib.pyplot  # noqa: F401, ICN001, PLC0415 -- what the warm parent has imported, too
    import pandas  # noqa: F401, ICN001, PLC0415
    import sklearn.metrics  # noqa: F401, PLC0415
    import torchvision  # noqa: F401, PLC0415


def main() -> None:
    """Measure every way in each round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    told = parser.parse_args()
    warm_up()
    task = load_task("noisy_labels")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        repeats = prepare_repeats(
            task, secret_for(folder, None), folder / "evaluation", repeats=1, source="embedded"
        )
        # An answer that draws nothing: a slot in its own process has its own random numbers, and scores are compared.
        notebooks = [variant(task, n, "class_blind_coteaching") for n in range(told.submissions)]
        submissions = [Submission(f"s{n}.ipynb", f"s{n}", notebook) for n, notebook in enumerate(notebooks)]
        settings = RunSettings("cpu", WALL_SECONDS, "any")
        job = Job(task, submissions, repeats, settings, folder, jobs=1)
        bench = Bench(submissions, repeats[0], job, folder)
        rounds = [one_round(bench, folder / f"round-{number}") for number in range(told.rounds)]
    names = ("ours_1_over_loop", "ours_2_over_loop", "efficiency_1", "efficiency_2", "of_machine")
    medians = {name: spread([one[name] for one in rounds]) for name in names}
    report(
        "batch",
        submissions=told.submissions,
        **medians,
        scores_agree=all(one["largest_difference_of_scores"] == 0 for one in rounds),
        rounds=rounds,
        targets={name: f">= {least}" for name, least in TARGETS.items()},
        missed=[name for name, least in TARGETS.items() if medians[name]["median"] < least],
    )


if __name__ == "__main__":
    # One thread, as in every trainer, and set before torch is imported.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    main()
