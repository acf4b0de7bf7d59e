"""Render a result as the results.json that Gradescope shows; all text of it is plain text.

See "Autograder Specifications" of Gradescope. What students may see when is `visibility`; staff see everything, and
with a test that is hidden nobody else does. A result without points has no score at all, so that nobody gets a zero.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from grader.errors import EXPLANATIONS, Verdict

if TYPE_CHECKING:
    from grader.errors import StudentFault
    from grader.gradebook.result import Metrics, Result
    from grader.gradebook.standings import Credit

Visibility = Literal["visible", "after_due_date", "after_published", "hidden"]

UNCONFINED = "Graded without a sandbox: the function could reach everything on the grading machine."


@dataclass(frozen=True)
class DisplayOptions:
    """How results are shown: the points that 100 of ours are worth, and when students see them."""

    points: float = 100
    visibility: Visibility = "visible"
    unsafe: bool = False


@dataclass(frozen=True)
class Assignment:
    """What the autograder of a zip does; `source` is relative to the zip."""

    task: str
    repeats: int
    wall_seconds: float
    source: str
    size: str
    points: float
    visibility: Visibility
    unsafe: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @property
    def options(self) -> DisplayOptions:
        """How results are shown."""
        return DisplayOptions(self.points, self.visibility, self.unsafe)


def results_of(result: Result, options: DisplayOptions, credit: Credit | None = None) -> dict[str, Any]:
    """Return the results.json of a submission; `credit` are the points that count, if they are not the result's own."""
    points, reason = (credit.points, credit.reason) if credit else (result.points, "")
    if points is None:
        return without_points(result.message, options)
    score = round(points * options.points / 100, 2)
    lines = [f"{score:g} of {options.points:g} points.", result.message]
    if reason:
        lines.insert(1, f"Points: {reason}.")
    board = [{"name": "points", "value": points, "order": "desc"}]
    if result.metrics:
        metric = result.metrics.metric
        lines.append(_value(result.metrics))
        value = round(result.metrics.value, metric.digits + 1)
        board.append(
            {"name": metric.name, "value": value, "order": "desc" if metric.best == "high" else "asc"}
        )
    lines += [f"Penalty: {sentence}" for sentence in result.penalties]
    if result.most_memory_mb is not None:
        lines.append(f"Your function used up to {result.most_memory_mb:.0f} MB of memory.")
    if result.changed_cells:
        lines.append(f"Changes in protected cells do not count: {', '.join(result.changed_cells)}.")
    return {
        "score": score,
        **_frame(lines, options),
        "execution_time": round(result.seconds.total, 1),
        "tests": [_function(result.verdict, result.message, result.traceback), *_repeats(result.metrics)],
        "leaderboard": board,
        "extra_data": {
            "task": result.task,
            "task_version": result.task_version,
            "verdict": result.verdict.value,
            "points": points,
            "metric": result.metrics.metric.name if result.metrics else None,
            "value": result.metrics.value if result.metrics else None,
            "memory_mb": result.most_memory_mb,
        },
    }


def refused(fault: StudentFault, options: DisplayOptions) -> dict[str, Any]:
    """Return the results.json of a submission that cannot be run: 0 points, and why."""
    return {
        "score": 0,
        **_frame([f"0 of {options.points:g} points.", fault.message], options),
        "tests": [_function(fault.verdict, fault.message, fault.traceback)],
        "leaderboard": [{"name": "points", "value": 0, "order": "desc"}],
        "extra_data": {"verdict": fault.verdict.value, "points": 0},
    }


def without_points(detail: str, options: DisplayOptions) -> dict[str, Any]:
    """Return the results.json of a grader's failure: no score, an excuse for the student, `detail` for the staff."""
    explanation = EXPLANATIONS[Verdict.GRADER_ERROR]
    hidden = {"name": "for the staff", "status": "failed", "visibility": "hidden", **_text(detail)}
    return {
        **_frame([explanation.sentence, explanation.help], options),
        "visibility": "visible",
        "tests": [hidden],
        "extra_data": {"verdict": Verdict.GRADER_ERROR.value, "points": None},
    }


def _frame(lines: list[str], options: DisplayOptions) -> dict[str, Any]:
    """Return what every results.json has."""
    shown = [UNCONFINED, *lines] if options.unsafe else lines
    return {**_text("\n".join(shown)), "visibility": options.visibility, "stdout_visibility": "hidden"}


def _text(text: str) -> dict[str, str]:
    return {"output": text, "output_format": "text"}


def _function(verdict: Verdict, message: str, traceback: str) -> dict[str, Any]:
    scored = verdict is Verdict.SCORED
    lines = (
        [message] if scored else [line for line in (message, traceback, EXPLANATIONS[verdict].help) if line]
    )
    name = "your submission" if scored else f"your submission: {verdict}"
    return {"name": name, "status": "passed" if scored else "failed", **_text("\n".join(lines))}


def _repeats(metrics: Metrics | None) -> list[dict[str, Any]]:
    """Return a test for each run. They have no score of their own: the mean of all is mapped to points."""
    if metrics is None:
        return []
    values, metric = metrics.per_repeat, metrics.metric
    return [
        {
            "name": f"run {number} of {len(values)} on hidden data",
            "status": "passed",
            **_text(f"{metric.name} {value:.{metric.digits + 1}f}"),
        }
        for number, value in enumerate(values, start=1)
    ]


def _value(metrics: Metrics) -> str:
    count = len(metrics.per_repeat)
    runs = f" over {count} runs" if count > 1 else ""
    return f"{metrics.metric.title} on hidden data: {metrics.text}{runs}."
