"""Advise a student: what to do next, how far the next points are, which limit is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import Verdict
from grader.task.scoring import points

if TYPE_CHECKING:
    from grader.gradebook.result import Result
    from grader.task.spec import Score

_STEP = 10  # points
_NEAR_ELSEWHERE = 0.5  # of a limit: another machine may be half as fast


NEAR = 0.8  # of a limit, from where a student is warned
_REHEARSE = "`grader check` on your notebook gives the same verdict on the public data, before you hand in."
_NEXT: dict[Verdict, tuple[str, ...]] = {
    Verdict.INVALID_NOTEBOOK: (
        "Look at the size and the name of the file: it may be another one than you meant.",
        _REHEARSE,
    ),
    Verdict.SLOT_MISSING: (
        "Take a fresh starter notebook, paste your function into its slot, and hand in that file.",
        _REHEARSE,
    ),
    Verdict.SLOT_ERROR: (
        "Begin at the line that failed, and ask which of your values is not what you think it is there.",
        "Try the function on its own, with arguments of the shapes that the contract at the top of the slot names, also the smallest ones.",
        _REHEARSE,
    ),
    Verdict.INVALID_OUTPUT: (
        "Print the type, the shape and the smallest and largest value of what you return, for the first call and for the last.",
        "Think of the last batch, which may be smaller than the others.",
        _REHEARSE,
    ),
    Verdict.TIME_LIMIT: (
        "Time one call of your function, and multiply by the number of calls.",
        "Loops over single numbers are slow: one operation on the whole array often does the same.",
        _REHEARSE,
    ),
    Verdict.MEMORY_LIMIT: (
        "Count the numbers in your largest array, times 4 or 8 bytes: comparing everything with everything grows with the square.",
        _REHEARSE,
    ),
    Verdict.OUTPUT_LIMIT: ("Print every hundredth call at most, or nothing at all.", _REHEARSE),
    Verdict.SLOT_CRASHED: (
        "Your function needs no processes, threads, files or sockets of its own; leave out what starts them.",
        _REHEARSE,
    ),
    Verdict.GRADER_ERROR: (
        "There is nothing for you to do. If this page does not change, ask your instructor.",
    ),
}


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
    if seconds < _NEAR_ELSEWHERE * wall_seconds:
        return []
    return [
        f"A repeat took {seconds:.0f} s of the {wall_seconds:g} s that it may take: a slower machine would stop it."
    ]


def advice(result: Result, score: Score | None) -> list[str]:
    """Return what to do next, from how it ended; nothing of it depends on the seeds of this evaluation."""
    metrics = result.metrics
    if metrics is None:
        return list(_NEXT[result.verdict])
    found = []
    if score and metrics.balanced_accuracy <= score.floor:
        found.append(
            "No points yet: the model is not better than where the map begins. Compare with the untouched starter first."
        )
    if score and len(metrics.per_repeat) > 1:
        swing = 100 * metrics.spread / (score.ceiling - score.floor)
        if swing >= 5:
            found.append(
                f"One repeat differs from the next by about {swing:.0f} points. Before you trust a change, rehearse it with several repeats: "
                "`grader check --repeats 3`."
            )  # fmt: skip
    if result.penalties:
        found.append(
            "Some of what your function returned was not allowed and cost you something. Mend that first: it is the surest gain."
        )
    if score and metrics.balanced_accuracy >= score.ceiling:
        found.append("The map ends here: more balanced accuracy gives no more points.")
    elif result.seconds.total and result.seconds.slot_calls > 0.5 * result.seconds.total:
        found.append("More than half of the time went into your function. A faster one lets you try more.")
    return found or ["Change one thing at a time, and keep what helps in several repeats on the public data."]


def advice_after_rehearsal(result: Result, score: Score | None) -> list[str]:
    """Return the same for somebody who has just rehearsed the grading."""
    return [sentence for sentence in advice(result, score) if sentence != _REHEARSE]


def near_memory_limit(result: Result, limit_mb: int) -> str:
    """Return the sentence for somebody whose function took much of the memory that it may take, else nothing."""
    taken = result.most_memory_mb or 0.0
    if taken < NEAR * limit_mb:
        return ""
    return (
        f"At its peak your function held {taken:.0f} MB of the {limit_mb} MB that it may take. Larger data would be too much: "
        "look for what you keep and no longer need."
    )
