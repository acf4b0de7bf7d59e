"""Measure what typical answers of a task get over fresh seeds, and suggest a score map that sets them apart."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import UsageError
from grader.gradebook.metric import BALANCED_ACCURACY
from grader.gradebook.run_settings import SEED_VERSION
from grader.grading.environment import processor, versions
from grader.task.score_table import Score
from grader.task.scorers import SCORERS, is_share
from grader.task.scoring import points

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from grader.gradebook.metric import Metric
    from grader.gradebook.result import Result
    from grader.task.spec import Spec, Task
    from grader.task.strategies import Strategy

MOST_STARTER_POINTS = 20
MOST_TRICK_POINTS = 75
LEAST_REFERENCE_POINTS = (
    78  # a ceiling that the reference reaches would give every good answer the same points
)
MOST_REFERENCE_POINTS = 90
MOST_ERROR = 4.0  # standard error, in points, of any answer between the two ends
MOST_REFERENCE_ERROR = 3.0
MOST_FALL = 8.0  # points by which a group of the reference's runs may lie below its mean
_ENDS = (5, 95)  # beyond, clipping hides what chance does
_STEP = 0.005  # in a suggested map that is 1 wide
_GROUPS = 10_000
_REFERENCE_POINTS = 84  # in a suggested map
# The best merit that a metric by name can have, where it has one.
_BEST = {
    scorer.key: 0.0 if scorer.best == "low" else scorer.high
    for scorer in SCORERS
    if math.isfinite(scorer.high) or scorer.best == "low"
}


@dataclass(frozen=True)
class SeedValues:
    """The values of single runs: mean, standard deviation, and each seed's."""

    mean: float
    sd: float
    per_seed: list[float]


@dataclass(frozen=True)
class Band:
    """What an answer got: the points of the mean over all seeds, and those that groups of the task's repeats would get.

    A run took `seconds_per_seed` by the clock, with whatever else the machine did. `processor_seconds` is its processor time,
    None where it was not measured.
    """

    role: str
    value: SeedValues  # of what the task measures
    points: int
    points_of_groups: list[int]
    seconds_per_seed: float
    processor_seconds: float | None = None


@dataclass(frozen=True)
class Stability:
    """How far chance moves an answer, in points before rounding and clipping.

    `standard_error` is that of the mean of as many runs as the task grades. The `difference` is that to the reference on
    equal seeds; `wins` counts the seeds on which the reference lost to the answer.
    """

    sd: float
    standard_error: float
    difference: float
    difference_sd: float
    difference_error: float
    wins: int


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
        "machine": _machine(),
        "versions": versions(),
        "strategies": {name: asdict(band) for name, band in bands.items()},
        "stability": {name: asdict(row) for name, row in stability_of(bands, task.spec).items()},
    }


def with_speed(content: Mapping[str, Any], bands: Mapping[str, Band]) -> dict[str, Any]:
    """Return the content of a `bands.json` with the processor seconds of `bands`, and the machine that they are of.

    Nothing else of the record changes. Raises UsageError where they were not measured.
    """
    strategies = dict(content["strategies"])
    for name, band in bands.items():
        if band.processor_seconds is None:
            raise UsageError(
                f"no processor seconds are known of {name}; the runs are of an earlier version: choose another --out"
            )
        strategies[name] = strategies[name] | {"processor_seconds": band.processor_seconds}
    seeds = min(len(band.value.per_seed) for band in bands.values())
    return {**content, "strategies": strategies, "speed": {"seeds": seeds, "machine": _machine()}}


def _machine() -> dict[str, Any]:
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def stability_of(bands: Mapping[str, Band], spec: Spec) -> dict[str, Stability]:
    """Return the stability of each answer, with the repeats and the score map of `spec`. One of them is the reference."""
    runs = {name: np.array(band.value.per_seed) for name, band in bands.items()}
    slope = spec.score.slope
    return {name: _stability(values, runs["reference"], slope, spec.repeats) for name, values in runs.items()}


def _stability(
    values: NDArray[np.float64], reference: NDArray[np.float64], slope: float, repeats: int
) -> Stability:
    gaps = values - reference
    sd, gap_sd = (float(abs(slope) * numbers.std(ddof=1)) for numbers in (values, gaps))
    return Stability(
        sd=round(sd, 2),
        standard_error=round(sd / math.sqrt(repeats), 2),
        difference=round(float(slope * gaps.mean()), 2) + 0.0,  # never -0.0
        difference_sd=round(gap_sd, 2),
        difference_error=round(gap_sd / math.sqrt(repeats), 2),
        wins=int((slope * gaps > 0).sum()),
    )


def fall_of(reference: Band, spec: Spec) -> float:
    """Return by how many points 99 of 100 groups of the task's repeats stay above the reference's mean less this number.

    Groups are drawn with replacement from the recorded runs (bootstrap, Efron 1979).
    """
    runs = spec.score.slope * np.array(reference.value.per_seed)  # in points, without floor and ceiling
    groups = np.random.default_rng(0).choice(runs, (_GROUPS, spec.repeats)).mean(axis=1)
    lowest = runs.mean() - np.quantile(groups, 0.01)
    return round(float(lowest), 1)


def unstable_answers(bands: Mapping[str, Band], spec: Spec) -> dict[str, Stability]:
    """Return the answers between the two ends whose points have a larger standard error than they should, by name."""
    return {
        name: row
        for name, row in stability_of(bands, spec).items()
        if _ENDS[0] < bands[name].points < _ENDS[1] and row.standard_error > _most_error(name)
    }


def _most_error(name: str) -> float:
    return MOST_REFERENCE_ERROR if name == "reference" else MOST_ERROR


def problems_of(bands: Mapping[str, Band], spec: Spec) -> list[str]:
    """Return a sentence for each answer whose points chance moves too far with the task's repeats and its score map."""
    problems = [
        f"{name}: the points have a standard error of {row.standard_error:.1f}; at most {_most_error(name):g} were expected"
        for name, row in unstable_answers(bands, spec).items()
    ]
    fall = fall_of(bands["reference"], spec)
    if fall > MOST_FALL:
        problems.append(
            f"1 of 100 groups of {spec.repeats} runs of the reference lies {fall:.1f} points or more below its mean; "
            f"at most {MOST_FALL:g} were expected"
        )
    return problems


def suggest_map(bands: Mapping[str, Band], metric: Metric = BALANCED_ACCURACY) -> MapSuggestion | None:
    """Return a score map for these bands; None where the reference is not better than the starter.

    The floor is what the starter gets. The ceiling leaves room above the reference, as much as it takes to keep the best
    trick at `MOST_TRICK_POINTS` while the reference has `LEAST_REFERENCE_POINTS`. All of it is computed with numbers that are
    higher where a value is better.
    """
    starter, reference = (bands[name].value for name in ("starter", "reference"))
    start, goal = metric.merit(starter.mean), metric.merit(reference.mean)
    tricks = [metric.merit(band.value.mean) for band in bands.values() if band.role == "trick"]
    if goal <= start:
        return None
    size = math.ceil(math.log10(goal - start))
    step = _STEP * 10.0 ** (max(0, size) if is_share(metric.scorer) else size)
    floor = _rounded(start, step, math.ceil)
    width = goal - floor
    if width <= 2 * step:
        return None
    best_trick = max(tricks, default=start)
    wanted = max(
        floor + 100 * width / _REFERENCE_POINTS, floor + 100 * (best_trick - floor) / MOST_TRICK_POINTS
    )
    most = floor + 100 * width / LEAST_REFERENCE_POINTS
    ceiling = min(_rounded(wanted, step, math.ceil), max(_rounded(most, step, math.floor), floor + step))
    ceiling = min(ceiling, _BEST.get(metric.scorer, ceiling))
    score = Score(floor=floor, ceiling=ceiling)
    trick = points(best_trick, score)
    problems = []
    if trick > MOST_TRICK_POINTS:
        problems.append(f"the best trick would still get {trick} points: the task gives its idea away")
    if points(goal, score) > MOST_REFERENCE_POINTS:
        problems.append("the reference is nearly perfect: no better answer could get more points")
    if width < 2 * (starter.sd + reference.sd):
        problems.append("starter and reference are closer than their spread: one run says little")
    ends = metric.merit(floor) + 0.0, metric.merit(ceiling) + 0.0  # never -0.0
    return MapSuggestion(*ends, points(start, score), trick, points(goal, score), problems)


def _rounded(value: float, step: float, to: Callable[[float], int]) -> float:
    decimals = 3 - min(0, round(math.log10(step / _STEP)))
    return round(step * to(round(value / step, 6)), decimals)


def _band(result: Result, role: str, task: Task) -> Band:
    if result.metrics is None:
        raise UsageError(f"{result.student} got no score: {result.verdict}: {result.message}")
    values, size, score = result.metrics.per_repeat, task.spec.repeats, task.spec.score
    groups = [values[start : start + size] for start in range(0, len(values) - size + 1, size)]
    mean, largest = statistics.fmean(values), max(map(abs, values))
    decimals = 4 - min(
        0, math.ceil(math.log10(largest or 1.0))
    )  # four digits of the largest value, and 4 decimals
    mean_sd = round(mean, decimals), round(statistics.stdev(values), decimals)
    return Band(
        role,
        SeedValues(*mean_sd, [round(value, decimals) for value in values]),
        points(mean, score),
        [points(statistics.fmean(group), score) for group in groups],
        round(result.seconds.total / len(values), 1),
        round(result.seconds.processor / len(values), 2) or None,
    )
