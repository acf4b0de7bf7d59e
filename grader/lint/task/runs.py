"""Check a task by final evaluations: the points of its starter and solution, their time, and what the points rest on."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grader.errors import GraderFault, StudentFault, Verdict
from grader.findings import Finding, found
from grader.gradebook.run_folder import RunFolder
from grader.grading.bands import LEAST_REFERENCE_POINTS, MOST_STARTER_POINTS
from grader.grading.batch import Job, run_batch
from grader.lint.task.clean_room import visit_clean_room
from grader.lint.task.scorers import check_notebook_points, check_scorer
from grader.notebooks.parameters import with_parameters
from grader.submissions.collect import Submission
from grader.task.predictions import perfect
from grader.task.scorers import SCORE_FILE, scorer_named
from grader.task.scoring import measure, points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.plan import Watcher
    from grader.lint.task.notebooks import Subject
    from grader.task.evaluation import Repeat
    from grader.task.score_table import Score
    from grader.task.spec import Task

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
    given, answers = predictions_of(solution), [repeat.answers for repeat in repeats]
    return [
        near_floor(starter, task.spec.score),
        near_ceiling(solution, task.spec.score),
        check_time(list(results.values()), task.spec.limits.wall_seconds),
        check_shuffled(given, answers, task),
        check_notebook_points(subject, given, answers),
        *([check_scorer(task, given[0], answers[0])] if given else []),
    ]


def near_floor(result: Result, score_map: Score, most: float = MOST_STARTER_POINTS) -> Finding:
    """Check that a starter gets few points, with an allowance for chance."""
    wrong, summary = _unscored(result), _summary(result)
    if result.metrics is not None and points(_moved(result, score_map, -1), score_map) > most:
        wrong.append(f"the starter gets {summary}; at most {most:g} were expected")
    return found("starter near floor", wrong, f"{summary} (at most {most:g})")


def near_ceiling(result: Result, score_map: Score, least: float = LEAST_REFERENCE_POINTS) -> Finding:
    """Check that a solution gets nearly all points, with an allowance for chance."""
    wrong, summary = _unscored(result), _summary(result)
    if result.metrics is not None and points(_moved(result, score_map, 1), score_map) < least:
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


def check_shuffled(predictions: Sequence[Path], answers: Sequence[Path], task: Task) -> Finding:
    """Check that predictions get no points against shuffled answers, about which they know nothing."""
    rng, name = np.random.default_rng(0), "shuffled answers"
    if _measures_returns(task):
        return found(name, [], "not tried: a mean over episodes has no order")
    try:
        values = [
            _against_shuffled(given, truth, task, rng)
            for given, truth in zip(predictions, answers, strict=False)
            for _ in range(_SHUFFLES if not task.score_source else 1)
        ]
    except (GraderFault, StudentFault) as error:
        return found(name, [f"against shuffled answers there is no score: {error}"], "")
    if not values:
        return found(name, ["there are no predictions to compare with shuffled answers"], "")
    mean, metric = statistics.fmean(values), task.metric
    earned = points(mean, task.spec.score)
    wrong = []
    if earned > MOST_SHUFFLED_POINTS:
        wrong.append(
            f"against shuffled answers the predictions get {earned} points ({metric.name} {metric.text(mean)}): "
            f"score.floor = {task.spec.score.floor:g} in task.toml lies below chance"
        )
    return found(name, wrong, f"{earned} points, {metric.name} {metric.text(mean)}")


def check_answers(answers: Sequence[Path], task: Task) -> Finding:
    """Check the ends of the map without a run: the answers get all points, shuffled answers none.

    What `score.py` or several parts compare may have another form than the answers, and is not tried.
    """
    if task.score_source or task.spec.score.parts:
        return found("answers", [], "not tried: only runs show what score.py and parts compare")
    scorer, wrong, reached = scorer_named(task.spec.metric.scorer), [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(answers):
            best = Path(folder) / f"perfect-{number}.npz"
            with np.load(path, allow_pickle=False) as truth:
                np.savez(best, **{name: perfect(scorer, array) for name, array in truth.items()})  # type: ignore[arg-type]
            reached.append(best)
        for path, truth_path in zip(reached, answers, strict=True):
            earned = points(measure(path, truth_path, task).value, task.spec.score)
            wrong += [f"the answers themselves get {earned} points"] * (earned != 100)
        shuffled = check_shuffled(reached, answers, task)
    if not shuffled.ok:
        wrong.append(shuffled.detail)
    return found("answers", wrong, f"as predictions they get 100 points, shuffled {shuffled.detail}")


def _measures_returns(task: Task) -> bool:
    """Return whether the metric averages over episodes, so that the order of the answers does not count."""
    named = task.spec.metric.scorer != SCORE_FILE and not task.spec.score.parts
    return named and scorer_named(task.spec.metric.scorer).kind == "returns"


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
        notebook = json.dumps(with_parameters(subject.raw[0], parameters)).encode()
        visit = visit_clean_room(notebook, folder, wall_seconds=patience)
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
    """Return how far chance may move the mean."""
    if result.metrics is None or len(result.metrics.per_repeat) < 2:
        return 0.0
    return _ERRORS * result.metrics.spread / math.sqrt(len(result.metrics.per_repeat))


def _moved(result: Result, score_map: Score, better: int) -> float:
    """Return the mean, moved by as much as chance may move it: to a better value, or with -1 to a worse one."""
    mean = result.metrics.value if result.metrics else 0.0
    return mean + math.copysign(better * _slack(result), better * (score_map.ceiling - score_map.floor))


def _summary(result: Result) -> str:
    if result.metrics is None:
        return "no score"
    metrics = result.metrics
    count = len(metrics.per_repeat)
    return f"{result.points} points, {metrics.metric.name} {metrics.text} over {count} seeds"


def _against_shuffled(predictions: Path, answers: Path, task: Task, rng: np.random.Generator) -> float:
    """Return the value of predictions against answers in another order."""
    with np.load(answers, allow_pickle=False) as truth, tempfile.TemporaryDirectory() as folder:
        shuffled = Path(folder) / answers.name
        np.savez(shuffled, **{name: rng.permutation(array) for name, array in truth.items()})  # type: ignore[arg-type]
        return measure(predictions, shuffled, task).value
