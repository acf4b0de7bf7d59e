"""Say what would change the points of a rehearsal: how far the next ones are, what costs some, which limit is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import Verdict
from grader.feedback import advice_after_rehearsal, near_memory_limit
from grader.score import points

if TYPE_CHECKING:
    from grader.result import Result
    from grader.task import Score

_STEP = 10  # points
_NEAR = 0.5  # of a limit: another machine may be half as fast


def outlook(result: Result, score: Score, wall_seconds: float, memory_mb: int) -> list[str]:
    """Return what would change the points, the surest first; `wall_seconds` and `memory_mb` are the limits of a repeat."""
    said = advice_after_rehearsal(result, score)
    if result.metrics is None:
        return said
    mean = result.metrics.balanced_accuracy
    return [
        *_spread(result.metrics.per_repeat, score),
        *_distance(mean, score),
        *said,
        *_clock(result, wall_seconds),
        *filter(None, [near_memory_limit(result, memory_mb)]),
    ]


def _spread(per_repeat: list[float], score: Score) -> list[str]:
    """Say what each repeat would give alone."""
    if len(per_repeat) < 2:
        return ["One repeat says little about a small change: `--repeats 3` shows the spread."]
    alone = ", ".join(str(points(value, score)) for value in per_repeat)
    return [f"Alone, the repeats would give {alone} points."]


def _distance(mean: float, score: Score) -> list[str]:
    """Say which balanced accuracy gives more points, and how many a little more gives."""
    if mean >= score.ceiling:
        return []  # the advice says that the map ends
    width = score.ceiling - score.floor
    now = points(mean, score)
    goal = min(now + _STEP, 100)
    needed = score.floor + goal / 100 * width
    there = f"{goal} points need a balanced accuracy of {needed:.3f}, {needed - mean:.3f} more than now"
    return [f"{there}; from {score.floor:g} to {score.ceiling:g}, each 0.01 is {1 / width:.1f} points."]


def _clock(result: Result, wall_seconds: float) -> list[str]:
    """Say that the time limit is near: on another machine it may be met."""
    if result.verdict is not Verdict.SCORED or result.metrics is None:
        return []
    seconds = (result.seconds.train + result.seconds.slot_calls) / len(result.metrics.per_repeat)
    if seconds < _NEAR * wall_seconds:
        return []
    return [
        f"A repeat took {seconds:.0f} s of the {wall_seconds:g} s that it may take: a slower machine would stop it."
    ]
