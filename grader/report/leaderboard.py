"""Build what the first page of a report shows of each task: its board, its charts, and programs handed in twice."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from grader.errors import EXPLANATIONS, Verdict
from grader.gradebook.late import utc
from grader.gradebook.metric import BALANCED_ACCURACY
from grader.report import charts
from grader.submissions.confusable import confused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from grader.gradebook.gradebook import Absence
    from grader.gradebook.late import LateRule
    from grader.gradebook.metric import Metric
    from grader.gradebook.result import Result
    from grader.gradebook.standings import Standing
    from grader.report.clusters import ProgramGroup
    from grader.task.spec import Task

Pages = dict[tuple[str, str, int], str]  # (task, student, attempt): the address of a feedback page


@dataclass(frozen=True)
class Row:
    """A row of a leaderboard as it is shown; without pages there are no links. `confused` are ids that it is easily taken for."""

    standing: Standing
    value: str
    spread: str
    whisker: str
    submitted: str
    pseudonym: str
    confused: str
    page: str
    attempts: list[tuple[int, str]]


@dataclass(frozen=True)
class FailedGrading:
    """A submission that the grader could not grade, for the instructor."""

    student: str
    task: str
    message: str


@dataclass(frozen=True)
class Section:
    """What is shown of one task. `single`: some result comes from one repeat, whose noise is unknown."""

    id: str
    title: str
    story: str
    rows: list[Row]
    facts: list[tuple[str, str]]
    verdicts: list[str]
    drawings: list[tuple[str, str, str]]
    single: bool
    metric: Metric
    clusters: list[ProgramGroup]
    untouched: list[str]
    absence: Absence | None
    rule: str


def section(
    name: str,
    task: Task | None,
    board: Sequence[Standing],
    *,
    names: Mapping[str, str],
    pages: Pages,
    clusters: Sequence[ProgramGroup] = (),
    untouched: Sequence[str] = (),
    absence: Absence | None = None,
    rule: LateRule | None = None,
) -> Section:
    """Return what is shown of one task.

    `names` are pseudonyms that are shown nowhere, but found by the filter. `untouched` handed in the starter's own program.
    """
    results = [standing.result for standing in board if standing.result]
    verdicts = Counter(result.verdict for result in results)
    scale = _scale(results)
    others = confused(standing.student for standing in board)
    return Section(
        id=name,
        title=task.spec.title if task else name,
        story=task.spec.story if task else "",
        rows=[
            replace(
                _row(standing, scale, names.get(standing.student, ""), pages),
                confused=others.get(standing.student, ""),
            )
            for standing in board
        ],
        facts=_facts(board, absence),
        verdicts=[verdict.value for verdict in EXPLANATIONS if verdicts[verdict]],
        drawings=_drawings(board, verdicts),
        single=any(result.metrics is not None and len(result.metrics.per_repeat) < 2 for result in results),
        metric=_metric(results, task),
        clusters=list(clusters),
        untouched=list(untouched),
        absence=absence,
        rule=rule.text if rule else "",
    )


def failures(boards: Mapping[str, Sequence[Standing]]) -> list[FailedGrading]:
    """Return the submissions in the leaderboards that the grader could not grade."""
    return [
        FailedGrading(row.name or row.alias, task, row.message)
        for task, board in boards.items()
        for row in board
        if row.verdict is Verdict.GRADER_ERROR
    ]


def minute(moment: str) -> str:
    """Return the minute of an ISO time as people write it, in UTC, or the text as it is."""
    time = _time(moment)
    return f"{time:%Y-%m-%d %H:%M}" if time else moment


def _row(standing: Standing, scale: tuple[float, float], pseudonym: str, pages: Pages) -> Row:
    task, student, metrics = standing.task, standing.student, standing.metrics
    several = metrics is not None and len(metrics.per_repeat) > 1
    return Row(
        standing=standing,
        value=metrics.metric.text(metrics.value) if metrics else "",
        spread=f"± {metrics.metric.text(metrics.spread)}" if metrics and several else "",
        whisker=charts.whisker(metrics.value, metrics.spread, *scale) if metrics else "",
        submitted=minute(standing.submitted),
        pseudonym=pseudonym,
        confused="",
        page=pages.get((task, student, standing.attempt), ""),
        attempts=[
            (number, pages[task, student, number])
            for number in range(1, standing.attempts + 1)
            if (task, student, number) in pages
        ],
    )


def _metric(results: Sequence[Result], task: Task | None) -> Metric:
    """Return what the task measures, else what was measured last."""
    measured = [result.metrics.metric for result in results if result.metrics]
    return task.metric if task else measured[-1] if measured else BALANCED_ACCURACY


def _scale(results: Sequence[Result]) -> tuple[float, float]:
    """Return the ends of the scale on which the values of a board are drawn."""
    measured = [result.metrics for result in results if result.metrics]
    low = min((metrics.value - metrics.spread for metrics in measured), default=0.0)
    return low, max((metrics.value + metrics.spread for metrics in measured), default=1.0)


def _facts(board: Sequence[Standing], absence: Absence | None) -> list[tuple[str, str]]:
    points = [row.points for row in board if row.points is not None]
    facts = [
        ("students", str(len(board))),
        *([("handed in nothing", f"{len(absence.names)} of {absence.expected}")] if absence else []),
        ("submissions", str(sum(row.attempts for row in board))),
        ("scored", str(sum(row.scored for row in board))),
    ]
    if points:
        facts += [("median points", f"{statistics.median(points):g}"), ("best", str(max(points)))]
    return facts


def _drawings(board: Sequence[Standing], verdicts: Counter[Verdict]) -> list[tuple[str, str, str]]:
    """Return the charts of a task: caption, note and SVG of each."""
    points = [row.points for row in board if row.points is not None]
    drawings = [("Points", "students, by the attempt that counts", charts.histogram(points))]
    counts = [
        (verdict.value.replace("_", " "), verdicts[verdict], _kind(verdict))
        for verdict in EXPLANATIONS
        if verdicts[verdict]
    ]
    drawings.append(("Verdicts", "", charts.bars("Verdicts", counts)))
    graded = [(row, row.result) for row in board if row.result and row.points is not None]
    seconds = [_dot(row, result, result.seconds.total) for row, result in graded]
    if len(seconds) > 1:
        drawing = charts.scatter("Points by grading time", seconds, "seconds of grading")
        drawings.append(("Points by grading time", "how long it took to grade each submission", drawing))
    dated = [(row, result, time) for row, result in graded if (time := _time(row.submitted))]
    if len({time for *_, time in dated}) > 1:
        dots = [_dot(row, result, time.timestamp()) for row, result, time in dated]
        first, last = min(time for *_, time in dated), max(time for *_, time in dated)
        ends = f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"
        drawing = charts.scatter("Points by submission time", dots, "submitted (UTC)", ends)
        drawings.append(("Points by submission time", "of the attempt that counts", drawing))
    return drawings


def _dot(row: Standing, result: Result, across: float) -> charts.Dot:
    label = f"{row.name or row.alias}: {row.points} points"
    return charts.Dot(across, row.points or 0, label, _kind(result.verdict))


def _kind(verdict: Verdict) -> str:
    return {Verdict.SCORED: "good", Verdict.GRADER_ERROR: "ours"}.get(verdict, "bad")


def _time(moment: str) -> datetime | None:
    time = utc(moment)
    return time.astimezone(UTC) if time else None
