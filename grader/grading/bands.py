"""Measure what typical answers of a task get over fresh seeds, and suggest a score map that sets them apart."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.gradebook.run_settings import SEED_VERSION
from grader.grading.environment import processor, versions
from grader.task.scoring import points
from grader.task.spec import Score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.gradebook.result import Result
    from grader.task.spec import Task
    from grader.task.strategies import Strategy

MOST_STARTER_POINTS = 25
MOST_TRICK_POINTS = 75
LEAST_REFERENCE_POINTS = 90
_STEP = 0.005  # of a balanced accuracy in a suggested map


@dataclass(frozen=True)
class Accuracies:
    """The balanced accuracy of single runs: mean, standard deviation, and each seed's."""

    mean: float
    sd: float
    per_seed: list[float]


@dataclass(frozen=True)
class Band:
    """What an answer got: the points of the mean over all seeds, and those that groups of the task's repeats would get."""

    role: str
    balanced_accuracy: Accuracies
    points: int
    points_of_groups: list[int]
    seconds_per_seed: float


@dataclass(frozen=True)
class MapSuggestion:
    """A score map, its points for the starter, the best trick and the reference, and what it cannot set right."""

    floor: float
    ceiling: float
    starter: int
    trick: int
    reference: int
    problems: list[str]


def bands_of(results: Sequence[Result], answers: Sequence[Strategy], task: Task) -> dict[str, Band]:
    """Return the band of each of the `answers`, which were graded as students of their names.

    Raises UsageError where one got no score.
    """
    roles = {answer.name: answer.role for answer in answers}
    return {result.student: _band(result, roles[result.student], task) for result in results}


def record_of(
    task: Task, bands: Mapping[str, Band], *, seeds: int, secret: str, device: str
) -> dict[str, Any]:
    """Return what `bands.json` keeps: the bands, and what they were measured with."""
    return {
        "task_version": task.version,
        "run_digest": task.run_digest,
        "seeds": seeds,
        "secret": secret,
        "seed_version": SEED_VERSION,
        "device": device,
        "machine": {
            "cpu": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
        },
        "versions": versions(),
        "strategies": {name: asdict(band) for name, band in bands.items()},
    }


def suggest_map(bands: Mapping[str, Band]) -> MapSuggestion | None:
    """Return a score map for these bands; None where the reference is not better than the starter.

    The floor is what the starter gets. The ceiling is a little below the reference, or as much higher as it takes
    to keep the best trick below `MOST_TRICK_POINTS`, while the reference has `LEAST_REFERENCE_POINTS`.
    """
    starter, reference = (bands[name].balanced_accuracy for name in ("starter", "reference"))
    tricks = [band.balanced_accuracy.mean for band in bands.values() if band.role == "trick"]
    floor = _up(starter.mean)
    width = reference.mean - floor
    if width <= 2 * _STEP:
        return None
    best_trick = max(tricks, default=0.0)
    below_reference = reference.mean - min(reference.sd, width / 2)
    wanted = max(below_reference, floor + 100 * (best_trick - floor) / MOST_TRICK_POINTS)
    most = floor + 100 * width / LEAST_REFERENCE_POINTS
    ceiling = min(_up(wanted), max(_down(most), floor + _STEP), 1.0)
    score = Score(floor=floor, ceiling=ceiling)
    trick = points(best_trick, score)
    problems = []
    if trick > MOST_TRICK_POINTS:
        problems.append(f"the best trick would still get {trick} points: the task gives its idea away")
    if width < 2 * (starter.sd + reference.sd):
        problems.append("starter and reference are closer than their spread: one run says little")
    return MapSuggestion(
        floor, ceiling, points(starter.mean, score), trick, points(reference.mean, score), problems
    )


def _up(accuracy: float) -> float:
    return round(_STEP * math.ceil(round(accuracy / _STEP, 6)), 3)


def _down(accuracy: float) -> float:
    return round(_STEP * math.floor(round(accuracy / _STEP, 6)), 3)


def _band(result: Result, role: str, task: Task) -> Band:
    if result.metrics is None:
        raise UsageError(f"{result.student} got no score: {result.verdict}: {result.message}")
    values, size, score = result.metrics.per_repeat, task.spec.repeats, task.spec.score
    groups = [values[start : start + size] for start in range(0, len(values) - size + 1, size)]
    mean = statistics.fmean(values)
    return Band(
        role,
        Accuracies(round(mean, 4), round(statistics.stdev(values), 4), [round(value, 4) for value in values]),
        points(mean, score),
        [points(statistics.fmean(group), score) for group in groups],
        round(result.seconds.total / len(values), 1),
    )
