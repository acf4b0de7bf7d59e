"""Put together what the first page of a report shows of each task: its board, its charts, and who handed in what twice."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grader.errors import EXPLANATIONS, Verdict
from grader.report import charts
from grader.text import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.gradebook.result import Result
    from grader.gradebook.standings import Standing
    from grader.report.similarity import Alike
    from grader.task.spec import Task
    from grader.text import Pair

SIMILAR = "similar.html"
MOST_TWINS = 40  # of a task that are shown
Pages = dict[tuple[str, str, int], str]  # (task, student, attempt): the address of a feedback page


@dataclass(frozen=True)
class Row:
    """A row of a leaderboard as it is shown; without pages there are no links."""

    standing: Standing
    accuracy: str
    spread: str
    whisker: str
    sent: str
    pseudonym: str
    page: str
    attempts: list[tuple[int, str]]


@dataclass(frozen=True)
class Same:
    """Students who handed in the same program; `starter`: it is what they were given."""

    students: list[str]
    starter: bool


@dataclass(frozen=True)
class Twin:
    """Two programs that are alike, side by side; `page` is where."""

    title: str
    left: str
    right: str
    percent: int
    anchor: str
    page: str
    lines: list[Pair]


@dataclass(frozen=True)
class Failure:
    """A failure of ours, for the instructor."""

    who: str
    task: str
    message: str


@dataclass(frozen=True)
class Section:
    """What is shown of one task. `single` says that some result comes from one repeat, of which the noise is unknown."""

    id: str
    title: str
    story: str
    rows: list[Row]
    facts: list[tuple[str, str]]
    verdicts: list[str]
    drawings: list[tuple[str, str, str]]
    single: bool
    same: list[Same]
    twins: list[Twin]


def section(
    name: str,
    task: Task | None,
    board: Sequence[Standing],
    *,
    names: Mapping[str, str],
    pages: Pages,
    same: list[Same],
    twins: list[Twin],
) -> Section:
    """Return what is shown of one task; `names` are pseudonyms that are shown nowhere, but found by the filter."""
    results = [row.result for row in board]
    verdicts = Counter(result.verdict for result in results)
    scale = _scale(results)
    return Section(
        id=name,
        title=task.spec.title if task else name,
        story=task.spec.story if task else "",
        rows=[_row(name, row, scale, names.get(row.student, ""), pages) for row in board],
        facts=_facts(board),
        verdicts=[verdict.value for verdict in EXPLANATIONS if verdicts[verdict]],
        drawings=_drawings(board, verdicts),
        single=any(result.metrics is not None and len(result.metrics.per_repeat) < 2 for result in results),
        same=same,
        twins=twins,
    )


def failures(boards: Mapping[str, Sequence[Standing]]) -> list[Failure]:
    """Return the failures of ours that stand in a leaderboard."""
    return [
        Failure(row.name, task, row.result.message)
        for task, board in boards.items()
        for row in board
        if row.result.verdict is Verdict.GRADER_ERROR
    ]


def the_same(results: Sequence[Result], starter_key: str) -> list[Same]:
    """Return which students handed in the same program, the largest groups first; `starter_key` is the starter's."""
    groups: dict[str, set[str]] = {}
    for result in results:
        if result.slot_key:
            groups.setdefault(result.slot_key, set()).add(result.student)
    found = [
        Same(sorted(students), key == starter_key) for key, students in groups.items() if len(students) > 1
    ]
    return sorted(found, key=lambda same: (-len(same.students), same.students))


def twins(
    name: str, title: str, pairs: Sequence[Alike], sources: Mapping[str, str], people: Mapping[str, list[str]]
) -> list[Twin]:
    """Return the pairs of programs that are most alike, one for each two students; programs are known by their keys."""
    found: list[Twin] = []
    seen: set[frozenset[str]] = set()
    for pair in pairs:
        left, right = people[pair.one], people[pair.other]
        who = frozenset((left[0], right[0]))
        if who in seen or len(found) == MOST_TWINS:
            continue
        seen.add(who)
        anchor = f"{name}-{len(found) + 1}"
        found.append(
            Twin(
                title, _several(left), _several(right), int(100 * pair.similarity), anchor, f"{SIMILAR}#{anchor}",
                side_by_side(sources[pair.one], sources[pair.other]),
            )
        )  # fmt: skip
    return found


def minute(moment: str) -> str:
    """Return the minute of an ISO time as people write it, in UTC, or the text as it is."""
    when = _time(moment)
    return f"{when:%Y-%m-%d %H:%M}" if when else moment


def _several(students: Sequence[str]) -> str:
    return (
        students[0]
        if len(students) == 1
        else f"{students[0]} (and {len(students) - 1} with the same program)"
    )


def _row(task: str, row: Standing, scale: tuple[float, float], pseudonym: str, pages: Pages) -> Row:
    metrics = row.result.metrics
    several = metrics is not None and len(metrics.per_repeat) > 1
    return Row(
        standing=row,
        accuracy=f"{metrics.balanced_accuracy:.3f}" if metrics else "",
        spread=f"± {metrics.spread:.3f}" if metrics and several else "",
        whisker=charts.whisker(metrics.balanced_accuracy, metrics.spread, *scale) if metrics else "",
        sent=minute(row.sent),
        pseudonym=pseudonym,
        page=pages.get((task, row.student, row.attempt), ""),
        attempts=[
            (number, pages[task, row.student, number])
            for number in range(1, row.attempts + 1)
            if (task, row.student, number) in pages
        ],
    )


def _scale(results: Sequence[Result]) -> tuple[float, float]:
    """Return the ends of the scale on which the balanced accuracies of a board are drawn."""
    found = [result.metrics for result in results if result.metrics]
    low = min((metrics.balanced_accuracy - metrics.spread for metrics in found), default=0.0)
    return low, max((metrics.balanced_accuracy + metrics.spread for metrics in found), default=1.0)


def _facts(board: Sequence[Standing]) -> list[tuple[str, str]]:
    points = [row.result.points for row in board if row.result.points is not None]
    found = [("students", str(len(board))), ("submissions", str(sum(row.attempts for row in board)))]
    found.append(("scored", str(sum(row.scored for row in board))))
    if points:
        found += [("median points", f"{statistics.median(points):g}"), ("best", str(max(points)))]
    return found


def _drawings(board: Sequence[Standing], verdicts: Counter[Verdict]) -> list[tuple[str, str, str]]:
    """Return the charts of a task: caption, note and SVG of each."""
    points = [row.result.points for row in board if row.result.points is not None]
    found = [("Points", "students, by the attempt that counts", charts.histogram(points))]
    counts = [
        (verdict.value.replace("_", " "), verdicts[verdict], _kind(verdict))
        for verdict in EXPLANATIONS
        if verdicts[verdict]
    ]
    found.append(("Verdicts", "", charts.bars("Verdicts", counts)))
    seconds = [_dot(row, row.result.seconds.total) for row in board if row.result.points is not None]
    if len(seconds) > 1:
        drawing = charts.scatter("Points against seconds", seconds, "seconds of the whole grading")
        found.append(("Points against time", "how long a submission took", drawing))
    sent = [(row, when) for row in board if row.result.points is not None and (when := _time(row.sent))]
    times = [when for _, when in sent]
    if len(set(times)) > 1:
        dots = [_dot(row, when.timestamp()) for row, when in sent]
        ends = f"{min(times):%Y-%m-%d %H:%M}", f"{max(times):%Y-%m-%d %H:%M}"
        drawing = charts.scatter("Points against the time of handing in", dots, "handed in (UTC)", ends)
        found.append(("Points over the days", "when the attempt that counts was handed in", drawing))
    return found


def _dot(row: Standing, across: float) -> charts.Dot:
    return charts.Dot(
        across, row.result.points or 0, f"{row.name}: {row.result.points} points", _kind(row.result.verdict)
    )


def _kind(verdict: Verdict) -> str:
    return {Verdict.SCORED: "good", Verdict.GRADER_ERROR: "ours"}.get(verdict, "bad")


def _time(moment: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
