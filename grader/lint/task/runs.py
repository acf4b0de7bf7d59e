"""Check a task by final evaluations: the points of its starter and solution, their time, and what the points rest on."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grader.errors import Verdict
from grader.findings import Finding, found
from grader.gradebook.run_folder import RunFolder
from grader.grading.bands import LEAST_REFERENCE_POINTS, MOST_STARTER_POINTS
from grader.grading.batch import Job, run_batch
from grader.lint.task.clean_room import final_mode, visit_clean_room
from grader.submissions.collect import Submission
from grader.task.scoring import SHARED, balanced_accuracy, points, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.plan import Watcher
    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.spec import Score, Task

MOST_SHUFFLED_POINTS = 5
MARGIN = 1.5  # the slowest run, times this, stays within the limit
_SHUFFLES = 20  # of each seed
_ERRORS = 2  # standard errors by which a mean of few seeds may miss its bound
_PROBE = "import sys; from grader.trainer.network import leave_network; sys.exit(not leave_network())"


def run_faces(
    task: Task, repeats: list[Repeat], folder: Path, settings: RunSettings, watcher: Watcher
) -> dict[str, Result]:
    """Grade the starter and the solution as they are; return their results by these names."""
    faces = {"starter": task.starter, "solution": task.solution}
    submissions = [Submission(path.name, name, path.read_bytes()) for name, path in faces.items()]
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(task, submissions, repeats, settings, folder, 1)
    return {result.student: result for result in run_batch(job, watcher)}


def check_runs(subject: Subject, results: Mapping[str, Result], repeats: Sequence[Repeat]) -> list[Finding]:
    """Check the results of starter and solution."""
    task = subject.task
    starter, solution = results["starter"], results["solution"]
    return [
        near_floor(starter, task.spec.score),
        near_ceiling(solution, task.spec.score),
        check_time(list(results.values()), task.spec.limits.wall_seconds),
        check_shuffled(predictions_of(solution), [repeat.answers for repeat in repeats], task.spec.score),
    ]


def near_floor(result: Result, score_map: Score, most: float = MOST_STARTER_POINTS) -> Finding:
    """Check that a starter gets few points, with an allowance for chance."""
    wrong, summary = _unscored(result), _summary(result)
    if (
        result.metrics is not None
        and _points(result.metrics.balanced_accuracy - _slack(result), score_map) > most
    ):
        wrong.append(f"the starter gets {summary}; at most {most:g} were expected")
    return found("starter near floor", wrong, f"{summary} (at most {most:g})")


def near_ceiling(result: Result, score_map: Score, least: float = LEAST_REFERENCE_POINTS) -> Finding:
    """Check that a solution gets nearly all points, with an allowance for chance."""
    wrong, summary = _unscored(result), _summary(result)
    if (
        result.metrics is not None
        and _points(result.metrics.balanced_accuracy + _slack(result), score_map) < least
    ):
        wrong.append(f"the solution gets {summary}; at least {least:g} were expected")
    return found("solution near ceiling", wrong, f"{summary} (at least {least:g})")


def check_time(results: Sequence[Result], limit: float) -> Finding:
    """Check that the slowest run leaves a margin to the limit."""
    slowest, student = max((seconds, result.student) for result in results for seconds in seconds_of(result))
    wrong = []
    if slowest * MARGIN > limit:
        wrong.append(
            f"the slowest run of the {student} took {slowest:.1f} s; times {MARGIN:g} that is more than "
            f"limits.wall_seconds = {limit:g} in task.toml"
        )
    return found("time", wrong, f"the slowest run took {slowest:.1f} s of {limit:g}")


def check_shuffled(predictions: Sequence[Path], answers: Sequence[Path], score_map: Score) -> Finding:
    """Check that predictions get no points against shuffled answers, about which they know nothing."""
    rng = np.random.default_rng(0)
    accuracies = [
        _shuffled_accuracy(given, truth, rng)
        for given, truth in zip(predictions, answers, strict=False)
        for _ in range(_SHUFFLES)
    ]
    if not accuracies:
        return found("shuffled answers", ["there are no predictions to compare with shuffled answers"], "")
    mean = statistics.fmean(accuracies)
    earned = points(mean, score_map)
    wrong = []
    if earned > MOST_SHUFFLED_POINTS:
        wrong.append(
            f"against shuffled answers the predictions get {earned} points (balanced accuracy {mean:.3f}): "
            f"score.floor = {score_map.floor:g} in task.toml lies below chance"
        )
    return found("shuffled answers", wrong, f"{earned} points, balanced accuracy {mean:.3f}")


def check_answers(answers: Sequence[Path], score_map: Score) -> Finding:
    """Check the ends of the map without a run: the answers get all points, shuffled answers none."""
    reached = [points(statistics.fmean(score(path, path).values()), score_map) for path in answers]
    wrong = [f"the answers themselves get {earned} points" for earned in reached if earned != 100]
    shuffled = check_shuffled(answers, answers, score_map)
    if not shuffled.ok:
        wrong.append(shuffled.detail)
    return found("answers", wrong, f"as predictions they get 100 points, shuffled {shuffled.detail}")


def check_final_mode(
    subject: Subject, results: Mapping[str, Result], repeat: Repeat, folder: Path
) -> Finding:
    """Check that a final evaluation needs no network: trainers leave it where they may, else one runs in the clean room."""
    wrong = [sentence for result in results.values() for sentence in _unscored(result)]
    probe = [sys.executable, "-P", "-c", _PROBE]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        wall = "none, trainers leave it (a namespace of their own)"
    else:
        parameters = {
            "FINAL_EVALUATION_MODE": True, "DATA_PATH": str(repeat.inputs.resolve()),
            "PREDICTIONS_PATH": "predictions.npz", "SEED": repeat.trainer_seed, "DEVICE": "auto",
        }  # fmt: skip
        patience = subject.task.spec.limits.wall_seconds
        visit = visit_clean_room(final_mode(subject.raw[0], parameters), folder, wall_seconds=patience)
        wrong += visit.errors()
        if not (folder / "room" / "predictions.npz").is_file():
            wrong.append("a final evaluation in the clean room saves no predictions")
        wall = visit.wall
    return found(
        "final mode", wrong, f"final evaluations of starter and solution end scored; network: {wall}"
    )


def predictions_of(result: Result) -> list[Path]:
    """Return the predictions of each repeat of a result, in order."""
    repeats = RunFolder(Path(result.run_folder)).repeats()
    return [repeat.predictions for repeat in repeats if repeat.predictions.exists()]


def seconds_of(result: Result) -> list[float]:
    """Return the wall seconds of each repeat as papermill recorded them, else those of the whole result."""
    noted = [
        json.loads(repeat.executed.read_text(encoding="utf-8"))["metadata"]
        .get("papermill", {})
        .get("duration")
        for repeat in RunFolder(Path(result.run_folder)).executed()
    ]
    return [float(seconds) for seconds in noted if seconds] or [result.seconds.total]


def _unscored(result: Result) -> list[str]:
    """Return what went wrong in a run of the starter or the solution."""
    if result.verdict is not Verdict.SCORED:
        return [f"the {result.student} ended as {result.verdict}: {result.message}"]
    return [f"the {result.student} gets a penalty: {sentence}" for sentence in result.penalties[:1]]


def _slack(result: Result) -> float:
    """Return how far chance may move the mean balanced accuracy."""
    if result.metrics is None or len(result.metrics.per_repeat) < 2:
        return 0.0
    return _ERRORS * result.metrics.spread / math.sqrt(len(result.metrics.per_repeat))


def _points(accuracy: float, score_map: Score) -> int:
    return points(min(max(accuracy, 0.0), 1.0), score_map)


def _summary(result: Result) -> str:
    if result.metrics is None:
        return "no score"
    metrics = result.metrics
    count = len(metrics.per_repeat)
    spread = f" ± {metrics.spread:.3f}" if count > 1 else ""
    return f"{result.points} points, balanced accuracy {metrics.balanced_accuracy:.3f}{spread} over {count} seeds"


def _shuffled_accuracy(predictions: Path, answers: Path, rng: np.random.Generator) -> float:
    """Return the balanced accuracy of predictions against answers in another order."""
    with np.load(predictions, allow_pickle=False) as given, np.load(answers, allow_pickle=False) as truth:
        shuffled = {name: rng.permutation(labels) for name, labels in truth.items()}
        return statistics.fmean(
            balanced_accuracy(shuffled[name if name in shuffled else SHARED], mine)
            for name, mine in given.items()
        )
