"""Advise a student: what to do next, how far the next points are, which limit is near."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from grader.errors import Verdict
from grader.languages import IN_ENGLISH
from grader.task.scoring import points

if TYPE_CHECKING:
    from grader.gradebook.metric import Metric
    from grader.gradebook.result import Metrics, Result
    from grader.languages import Translator
    from grader.task.score_table import Score

_STEP = 10  # points
_NEAR_ELSEWHERE = 0.5  # of a limit: another machine may be half as fast


NEAR = 0.8  # of a limit, from where a student is warned
_REHEARSE = (
    "Before you hand in, run `grader check` on your notebook: it gives the same verdict on the public data."
)
_REHEARSE_FILE = "Before you hand in, run `grader check` on the file: it says what is wrong and where."
NEXT_STEPS: dict[Verdict, tuple[str, ...]] = {
    Verdict.INVALID_NOTEBOOK: (
        "Check the name and the size of the file: it may not be the one you meant.",
        _REHEARSE,
    ),
    Verdict.INVALID_FILE: (
        "Run your notebook from top to bottom, and hand in the file that its last cell writes.",
        _REHEARSE_FILE,
    ),
    Verdict.SLOT_MISSING: (
        "Paste your function into the slot of a fresh starter notebook, and hand in that file.",
        _REHEARSE,
    ),
    Verdict.SLOT_ERROR: (
        "Start at the line that failed, and print the values it uses: one of them is not what you expect.",
        "Call the function by itself, with arguments of the shapes given at the top of the slot. Try the smallest shapes, too.",
        _REHEARSE,
    ),
    Verdict.INVALID_OUTPUT: (
        "Print the type, the shape and the range of your return value, for the first call and for the last.",
        "Remember that the last batch may be smaller than the others.",
        _REHEARSE,
    ),
    Verdict.TIME_LIMIT: (
        "Time one call of your function, and multiply by the number of calls.",
        "Loops over single numbers are slow: one operation on the whole array is often enough.",
        _REHEARSE,
    ),
    Verdict.MEMORY_LIMIT: (
        "Estimate your largest array: its number of elements times 4 or 8 bytes. All pairs of n samples take n² elements.",
        _REHEARSE,
    ),
    Verdict.OUTPUT_LIMIT: ("Print nothing, or only in every hundredth call.", _REHEARSE),
    Verdict.SLOT_CRASHED: (
        "Your function needs no processes, threads, files or sockets: remove the code that starts or opens them.",
        _REHEARSE,
    ),
    Verdict.GRADER_ERROR: ("No action is needed. If this page does not change, ask your instructor.",),
}


def outlook(result: Result, score: Score, wall_seconds: float, memory_mb: int) -> list[str]:
    """Return what would change the points, the surest first; `wall_seconds` and `memory_mb` are the limits of a repeat."""
    sentences = advice_after_rehearsal(result, score)
    if result.metrics is None:
        return sentences
    return [
        *_spread(result.metrics.per_repeat, score),
        *_distance(result.metrics, score),
        *sentences,
        *_clock(result, wall_seconds),
        *filter(None, [near_memory_limit(result, memory_mb)]),
    ]


def _spread(per_repeat: list[float], score: Score) -> list[str]:
    """Return what each repeat would give alone."""
    if len(per_repeat) < 2:
        return ["One repeat says little about a small change. `--repeats 3` shows the spread."]
    alone = ", ".join(str(points(value, score)) for value in per_repeat)
    return [f"On their own, the repeats would give {alone} points."]


def _distance(metrics: Metrics, score: Score) -> list[str]:
    """Return which value gives more points, and how many a little more gives."""
    metric, mean = metrics.metric, metrics.value
    now = points(mean, score)
    if now == 100 or score.parts:
        return []  # the advice says that 100 points are reached
    width = score.ceiling - score.floor
    goal = min(now + _STEP, 100)
    needed = score.floor + goal / 100 * width
    change, direction = abs(needed - mean), "more" if metric.best == "high" else "less"
    step = 10.0 ** math.floor(math.log10(abs(width) / 10))  # 0.01 where the map is a few tenths wide
    distance = f"{goal} points need {metric.article} of {metric.text(needed)}, {metric.text(change)} {direction} than now."
    return [
        f"{distance} Between {score.floor:g} and {score.ceiling:g}, each {step:g} is {100 * step / abs(width):.1f} points."
    ]


def _clock(result: Result, wall_seconds: float) -> list[str]:
    """Return the warning that the time limit is near: a slower machine may reach it."""
    if result.verdict is not Verdict.SCORED or result.metrics is None:
        return []
    seconds = (result.seconds.train + result.seconds.slot_calls) / len(result.metrics.per_repeat)
    if seconds < _NEAR_ELSEWHERE * wall_seconds:
        return []
    return [
        f"A repeat took {seconds:.0f} s of its {wall_seconds:g} s. On a slower machine it would be stopped."
    ]


def advice_on_file(result: Result, score: Score | None, translate: Translator = IN_ENGLISH) -> list[str]:
    """Return what to do next about a file of predictions."""
    if result.verdict is Verdict.INVALID_OUTPUT:
        return list(map(translate, NEXT_STEPS[Verdict.INVALID_FILE]))
    return advice(result, score, translate)


def advice(result: Result, score: Score | None, translate: Translator = IN_ENGLISH) -> list[str]:
    """Return what to do next, from how it ended; nothing of it depends on the seeds of this evaluation."""
    metrics = result.metrics
    if metrics is None:
        return list(map(translate, NEXT_STEPS[result.verdict]))
    sentences = []
    metric = metrics.metric
    if score and metric.merit(metrics.value) <= metric.merit(score.floor):
        sentences.append(_no_points(metric, score, translate))
    if score and len(metrics.per_repeat) > 1:
        swing = 100 * metrics.spread / abs(score.ceiling - score.floor)
        if swing >= 5:
            sentences.append(
                translate("The points vary by about {swing} from repeat to repeat. Before you trust a change, test it with several repeats: `grader check --repeats 3`.", swing=f"{swing:.0f}")
            )  # fmt: skip
    if result.penalties:
        sentences.append(
            translate("Calls of your function failed, or returned what is not allowed, and that cost points. Fix this first: it is the surest gain.")
        )  # fmt: skip
    if score and metric.merit(metrics.value) >= metric.merit(score.ceiling):
        sentences.append(_all_points(metric, score, translate))
    elif result.seconds.total and result.seconds.slot_calls > 0.5 * result.seconds.total:
        sentences.append(
            translate("Your function took more than half of the time. A faster one lets you try more.")
        )
    return sentences or [
        translate("Change one thing at a time, and keep what helps in several repeats on the public data.")
    ]


def _no_points(metric: Metric, score: Score, translate: Translator) -> str:
    """Return where points start."""
    if score.parts:
        return translate("No points yet: no part earned any. Compare with the untouched starter first.")
    start = {"metric": metric.name, "value": f"{score.floor:g}"}
    if metric.best == "high":
        return translate("No points yet: they start above {value} ({metric}). Compare with the untouched starter first.", **start)  # fmt: skip
    return translate("No points yet: they start below {value} ({metric}). Compare with the untouched starter first.", **start)  # fmt: skip


def _all_points(metric: Metric, score: Score, translate: Translator) -> str:
    """Return that there are no more points to get."""
    if score.parts:
        return translate("You have all 100 points.")
    if metric.best == "high":
        return translate("You have all 100 points: a higher {metric} gives no more.", metric=metric.name)
    return translate("You have all 100 points: a lower {metric} gives no more.", metric=metric.name)


def advice_after_rehearsal(result: Result, score: Score | None) -> list[str]:
    """Return the same for somebody who has just run `grader check`."""
    return [sentence for sentence in advice(result, score) if sentence not in (_REHEARSE, _REHEARSE_FILE)]


def near_memory_limit(result: Result, limit_mb: int, translate: Translator = IN_ENGLISH) -> str:
    """Return the warning for a function that needed much of its memory limit, else ""."""
    taken = result.most_memory_mb or 0.0
    if taken < NEAR * limit_mb:
        return ""
    return translate("At its peak your function used {used} MB of its {limit} MB. Larger data would exceed the limit: free what you no longer need.", used=f"{taken:.0f}", limit=limit_mb)  # fmt: skip
