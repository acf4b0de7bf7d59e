"""Score predictions against answers: what the task measures, and its map to points, as pure functions of two files."""

from __future__ import annotations

import math
import statistics
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, ScorerFault
from grader.task.own_scorer import run_scorer
from grader.task.predictions import compare
from grader.task.scorers import SCORE_FILE, Scorer, scorer_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.score_table import Part, Score
    from grader.task.spec import Task

    Arrays = Mapping[str, NDArray[Any]]

MAX_BYTES = 256 << 20
SHARED = "labels"  # the one array of answers that all arrays of predictions are compared with
_DEFAULT = scorer_named("balanced_accuracy")


@dataclass(frozen=True)
class RepeatScore:
    """What one repeat got: its value in the unit of the task's metric, and all that was measured, by name."""

    value: float
    measured: dict[str, float]


def measure(predictions: Path, answers: Path, task: Task) -> RepeatScore:
    """Return what the predictions of a repeat of `task` are worth.

    Raises GraderFault where a file is missing, damaged, too large or does not fit the other, and StudentFault for
    predictions that no training of the task may lead to.
    """
    measured = _measured(predictions, answers, task)
    return RepeatScore(value_of(measured, task.spec.score), measured)


def measure_all(files: Sequence[tuple[Path, Path]], task: Task) -> list[RepeatScore]:
    """Return what the predictions of each repeat are worth; `files` are its predictions and its answers.

    Raises as `measure` does, and GraderFault where repeats measure different things: they have no mean.
    """
    scores = [measure(predictions, answers, task) for predictions, answers in files]
    for number, score in enumerate(scores, 1):
        if score.measured.keys() != scores[0].measured.keys():
            sentence = (
                f"repeat {number} measured {sorted(score.measured)}, the first {sorted(scores[0].measured)}"
            )
            raise ScorerFault(f"score.py: {sentence}") if task.score_source else GraderFault(sentence)
    return scores


def value_of(measured: Mapping[str, float], score_map: Score) -> float:
    """Return the value of a repeat: the mean of what was measured, or the points that the parts of the map give for it.

    Raises GraderFault where something that a part needs was not measured.
    """
    if missing := [need.label for need in score_map.measures if need.label not in measured]:
        raise GraderFault(f"{missing[0]!r} was not measured, but {sorted(measured)}")
    if not score_map.parts:
        return statistics.fmean(measured.values())
    if not all(gate.holds(measured[gate.label]) for gate in score_map.gates):
        return 0.0
    return sum(part_points(part, measured[part.label]) for part in score_map.parts)


def part_points(part: Part, value: float) -> float:
    """Return the points that a part gives for a value of its metric, not rounded."""
    if part.steps:
        return max((step.points for step in part.steps if step.holds(value)), default=0.0)
    floor, ceiling = part.floor or 0.0, part.ceiling or 0.0
    return part.points * min(max((value - floor) / (ceiling - floor), 0.0), 1.0)


def points(value: float, score_map: Score) -> int:
    """Return 0 at the map's floor and at all that is worse, 100 at its ceiling and at all that is better.

    Raises GraderFault for a value that is not finite.
    """
    if not math.isfinite(value):
        raise GraderFault(f"a value of {value} is impossible")
    return round(100 * min(max(score_map.share(value), 0.0), 1.0))


def score(predictions: Path, answers: Path, scorer: Scorer = _DEFAULT) -> dict[str, float]:
    """Return what each array of the npz file `predictions` is worth, by its name.

    `answers` has an array of the same name for each, or one array `labels` for all of them.

    Raises GraderFault where a file is missing, damaged, too large or does not fit the other: both are written by
    our own trainer and data builder.
    """
    return _score_of_arrays(load_arrays(predictions), load_arrays(answers), scorer)


def _score_of_arrays(given: Arrays, truth: Arrays, scorer: Scorer) -> dict[str, float]:
    wanted = given.keys() if truth.keys() == {SHARED} else truth.keys()
    if not given or given.keys() != wanted:
        raise GraderFault(f"the predictions have the arrays {sorted(given)}, not {sorted(wanted)}")
    return {
        name: compare(scorer, name, truth.get(name, truth.get(SHARED)), given[name]) for name in sorted(given)
    }


def _by_score_file(predictions: Path, answers: Path, task: Task) -> dict[str, float]:
    for path in (predictions, answers):
        load_arrays(path)  # what cannot be read is not the fault of score.py
    return by_need(run_scorer(task.score_source, predictions, answers), task)


def by_need(measured: Mapping[str, float], task: Task) -> dict[str, float]:
    """Return what a score.py measured under the names of results. Raises ScorerFault where a part needs something else."""
    missing = [need.metric for need in task.spec.score.measures if need.metric not in measured]
    if missing:
        raise ScorerFault(f"score.py returned {sorted(measured)}, but task.toml also needs {missing[0]!r}")
    return {need.label: measured[need.metric] for need in task.spec.score.measures} or dict(measured)


def _measured(predictions: Path, answers: Path, task: Task) -> dict[str, float]:
    if task.spec.metric.scorer == SCORE_FILE:
        return _by_score_file(predictions, answers, task)
    return measured_arrays(load_arrays(predictions), load_arrays(answers), task)


def measured_arrays(given: Arrays, truth: Arrays, task: Task) -> dict[str, float]:
    """Return what a task's metrics by name measure on arrays of predictions and answers. Raises as `measure` does."""
    if not task.spec.score.parts:
        return _score_of_arrays(given, truth, scorer_named(task.spec.metric.scorer))
    measured = {}
    for need in task.spec.score.measures:
        scorer, names = scorer_named(need.metric), [need.predictions] if need.predictions else sorted(given)
        if not names or (missing := sorted(set(names) - given.keys())):
            raise GraderFault(f"the predictions have the arrays {sorted(given)}, not {missing or names}")
        values = [compare(scorer, name, truth.get(name, truth.get(SHARED)), given[name]) for name in names]
        measured[need.label] = statistics.fmean(values)
    return measured


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz file by name. Raises GraderFault where it is missing, damaged or too large."""
    try:
        size, arrays = _read(path)
    except Exception as error:  # damaged bytes lead zipfile, zlib and NumPy to exceptions of a dozen kinds
        raise GraderFault(f"{path.name} cannot be read: {error}") from error
    if size > MAX_BYTES:
        raise GraderFault(f"{path.name} holds more than {MAX_BYTES >> 20} MB")
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise GraderFault(f"{path.name} holds something else than arrays")
    return arrays


def _read(path: Path) -> tuple[int, dict[str, NDArray[Any]]]:
    """Return how many bytes the arrays of an npz file take, and the arrays, none where that is too much."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_BYTES:
        return size, {}
    with np.load(path, allow_pickle=False) as opened:
        return size, dict(opened)
