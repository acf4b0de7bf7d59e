"""Rank the students of a final round: how sure each place is, and which neighbours need more seeds to be told apart.

Everybody is graded on the same seeds, so two students are compared seed by seed: what a seed makes easy or hard falls out of
the difference. How places depend on which seeds were drawn is estimated by a bootstrap over the seeds (Efron 1979); where a file
is measured once, over its rows instead (`grader.task.row_draws`).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from grader.gradebook.standings import NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grader.task.score_table import Score

_DRAWS = 2000  # of the seeds, with replacement
_INTERVAL = (2.5, 97.5)  # percent of the draws
_FIRST = 10.0  # how much a point counts more than the value behind it
_NO_SCORE, _NOT_GRADED = -1.0, -2.0  # below any score, whose key is not negative


@dataclass(frozen=True)
class Entrant:
    """What a student got in a final round: a value for each seed, from the first; none without a score.

    `penalty` are points lost for lateness, `adjusted` points that count in place of all. `graded` is false where grading failed.
    """

    student: str
    values: tuple[float, ...]
    penalty: int = 0
    adjusted: int | None = None
    graded: bool = True


@dataclass(frozen=True)
class Placement:
    """A place: its rank, the ranks between which 95 % of the draws lie, and the chance to swap with the next place.

    `swap` is None in the last place, and where two share a rank. `value` and `points` are of the mean over `seeds` seeds.
    """

    rank: int
    student: str
    points: int | None
    value: float | None
    seeds: int
    best: int
    worst: int
    swap: float | None


def placements(
    entrants: Sequence[Entrant], score: Score, drawn_values: NDArray[np.float64] | None = None
) -> list[Placement]:
    """Return the place of each entrant, the first place first.

    Equal points are ordered by the mean value, which no ceiling cuts. With a single seed, nothing is known of
    the noise, and every place looks sure. `drawn_values` (entrants, draws) are what draws of something else than seeds gave.
    """
    observed = _observed(entrants, score)
    values = _means(entrants, score, _draws(entrants)) if drawn_values is None else drawn_values
    drawn = _keys(entrants, score, values)
    order = sorted(range(len(entrants)), key=lambda index: (-observed[index], entrants[index].student))
    places = []
    for index, after in itertools.zip_longest(order, order[1:]):
        entrant, key = entrants[index], observed[index]
        ranks = 1 + (drawn > drawn[index]).sum(axis=0)
        best, worst = np.percentile(ranks, _INTERVAL, method="inverted_cdf")
        shared = after is None or observed[after] == key
        places.append(
            Placement(
                rank=1 + int((observed > key).sum()),
                student=entrant.student,
                points=_points_that_count(entrant, score),
                value=float(np.mean(entrant.values)) if entrant.values else None,
                seeds=len(entrant.values),
                best=int(best),
                worst=int(worst),
                swap=None if shared else float((drawn[after] > drawn[index]).mean()),
            )
        )
    return places


def groups_within_noise(entrants: Sequence[Entrant], score: Score) -> list[list[str]]:
    """Return the groups of neighbours of whom each is within noise of the next, by the differences on the seeds of both.

    Within noise is a mean difference of points, without floor and ceiling, of less than two of its standard errors. Points
    that were adjusted, and those at the floor, are compared with nobody; the same program twice makes no group.
    """
    order = [entrants[index] for index in np.argsort(-_observed(entrants, score))]
    compared = [
        e for e in order if e.values and e.adjusted is None and (_points_that_count(e, score) or 0) > 0
    ]
    groups: list[list[Entrant]] = [[entrant] for entrant in compared[:1]]
    for left, right in itertools.pairwise(compared):
        if _within_noise(left, right, score):
            groups[-1].append(right)
        else:
            groups.append([right])
    return [[entrant.student for entrant in group] for group in groups if len({e.values for e in group}) > 1]


def _within_noise(left: Entrant, right: Entrant, score: Score) -> bool:
    count = min(len(left.values), len(right.values))
    if count < 2:
        return False
    pairs = zip(left.values, right.values, strict=False)
    differences = np.array([score.slope * (a - b) - left.penalty + right.penalty for a, b in pairs])
    error = float(differences.std(ddof=1)) / math.sqrt(count)
    return abs(float(differences.mean())) < NOISE * error or not differences.any()


def _observed(entrants: Sequence[Entrant], score: Score) -> NDArray[np.float64]:
    """Return a number for each entrant that is higher in a better place, by the mean over all seeds."""
    return _keys(entrants, score, _means(entrants, score, np.ones((_seeds(entrants)[1], 1))))[:, 0]


def _means(entrants: Sequence[Entrant], score: Score, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean value (entrants, n) under each column of `weights` (seeds, n), the floor of who has none."""
    means = np.full((len(entrants), weights.shape[1]), score.floor)
    for row, entrant in enumerate(entrants):
        if entrant.values:
            part = weights[: len(entrant.values)]
            means[row] = np.array(entrant.values) @ part / part.sum(axis=0)
    return means


def _keys(entrants: Sequence[Entrant], score: Score, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of `values` (entrants, n) a number that is higher in a better place."""
    keys = np.empty(values.shape)
    for row, (entrant, means) in enumerate(zip(entrants, values, strict=True)):
        merits = 0.5 + np.arctan(score.share(means)) / np.pi  # from 0 to 1
        if entrant.adjusted is not None:
            keys[row] = _FIRST * entrant.adjusted + merits
        elif entrant.values:
            keys[row] = _FIRST * np.maximum(_points(means, score) - entrant.penalty, 0) + merits
        else:
            keys[row] = _NO_SCORE if entrant.graded else _NOT_GRADED
    return keys


def _points(values: NDArray[np.float64], score: Score) -> NDArray[np.float64]:
    """Return the points of values, as `grader.task.scoring.points` gives them."""
    return np.rint(100 * np.clip(score.share(values), 0.0, 1.0))


def _points_that_count(entrant: Entrant, score: Score) -> int | None:
    if entrant.adjusted is not None or not entrant.graded:
        return entrant.adjusted
    if not entrant.values:
        return 0
    earned = _points(np.array([np.mean(entrant.values)]), score)[0]
    return max(0, int(earned) - entrant.penalty)


def _seeds(entrants: Sequence[Entrant]) -> tuple[int, int]:
    """Return the number of seeds that all have who have a score, and the most that anybody has."""
    counts = [len(entrant.values) for entrant in entrants if entrant.values] or [1]
    return min(counts), max(counts)


def _draws(entrants: Sequence[Entrant]) -> NDArray[np.float64]:
    """Return how often each draw has each seed (seeds, draws): those that all have, and those that only groups have, apart."""
    common, seeds = _seeds(entrants)
    rng = np.random.default_rng(0)  # the same results give the same page
    parts = [
        rng.multinomial(count, np.full(count, 1 / count), _DRAWS)
        for count in (common, seeds - common)
        if count
    ]
    return np.hstack(parts).T.astype(float)
