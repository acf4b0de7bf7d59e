"""Rank students: the leaderboard of each task with its ties and its noise, and the totals over all tasks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import Verdict
from grader.gradebook.late import explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Metrics, Result

NOISE = 2.0  # standard errors of a difference that do not count as one


@dataclass(frozen=True)
class Standing:
    """Where a student stands in a task, by the attempt that counts; no result and 0 attempts: nothing was handed in.

    `name`, `email` and `section` are the roster's, "" where it has none. `alias` is how a public board shows the
    student: the id, or a pseudonym. `submitted` is ISO 8601 in UTC. `points` are those that count, None for a failure of
    the grader and where nothing was handed in; `reason` says why they are not the graded ones, `choice` why this attempt was chosen ("": by the task's rule). `tied` says that a neighbour has the same points,
    and `noisy` that the next rank is `within_noise`.
    """

    task: str
    rank: int | None
    student: str
    alias: str
    name: str
    email: str
    section: str
    result: Result | None
    attempt: int
    attempts: int
    submitted: str
    late: bool
    path: str
    points: int | None = None
    reason: str = ""
    choice: str = ""
    tied: bool = False
    noisy: bool = False

    @property
    def graded(self) -> int | None:
        """The points that grading gave, before a penalty for lateness or an adjustment."""
        return self.result.points if self.result else None

    @property
    def verdict(self) -> Verdict | None:
        """How the attempt ended."""
        return self.result.verdict if self.result else None

    @property
    def metrics(self) -> Metrics | None:
        """What was measured, if the attempt was scored."""
        return self.result.metrics if self.result else None

    @property
    def message(self) -> str:
        """What happened to the attempt."""
        return self.result.message if self.result else ""

    @property
    def scored(self) -> bool:
        """Whether there is a score to compare."""
        return self.verdict is Verdict.SCORED


@dataclass(frozen=True)
class Credit:
    """The points that an attempt is worth, and why they are not the graded ones; "" where they are."""

    points: int | None
    reason: str = ""


@dataclass(frozen=True)
class Total:
    """A row of the board over all tasks; `points` has no entry where nothing was handed in, None where grading failed."""

    rank: int
    student: str
    alias: str
    name: str
    section: str
    points: dict[str, int | None]
    total: int


def standings(rows: Iterable[Mapping[str, Any]], results: Mapping[int, Result]) -> dict[str, list[Standing]]:
    """Return the leaderboard of each task, by rank, from the rows of the gradebook's view and its results by row."""
    boards: dict[str, list[Standing]] = {}
    for row in rows:
        standing = Standing(
            task=row["task"], rank=row["rank"], student=row["student"], alias=row["student"], name=row["name"],
            email=row["email"], section=row["section"], result=results[row["result"]], attempt=row["attempt"],
            attempts=row["attempts"], submitted=row["sent"], late=bool(row["late"]), path=row["path"], points=row["points"],
            reason=reason_of(row), choice=row["choice"],
        )  # fmt: skip
        boards.setdefault(row["task"], []).append(standing)
    return {task: _marked(board) for task, board in boards.items()}


def reason_of(row: Mapping[str, Any]) -> str:
    """Return why the points of a row of the gradebook's view are not the graded ones; "" where they are."""
    return explained(row["graded"], row["days_late"], row["penalty"], row["adjusted"], row["reason"])


def labels_of(names: Mapping[str, str]) -> dict[str, str]:
    """Return how each student is shown: the name with the id, or the id alone; `names` are by id, "" where there is none."""
    return {student: f"{name} ({student})" if name else student for student, name in names.items()}


def credits_of(rows: Iterable[Mapping[str, Any]], current: Iterable[Recorded]) -> dict[int, Credit]:
    """Return the credit for each current result, by its row: the view's for the attempt that counts.

    An adjustment is the student's, and shows in that attempt alone; lateness in each.
    """
    counting = {row["result"]: Credit(row["points"], reason_of(row)) for row in rows}
    return {
        entry.id: counting.get(entry.id)
        or Credit(entry.points, explained(entry.result.points, entry.days_late, entry.penalty, None, ""))
        for entry in current
    }


def totals(boards: Mapping[str, Sequence[Standing]]) -> list[Total]:
    """Return the sum of each student's points over the tasks, the highest first; equal sums share a rank.

    A task without a result counts 0, and so does a failure of the grader until the attempt is graded again.
    """
    points: dict[str, dict[str, int | None]] = {}
    students: dict[str, Standing] = {}
    for task, board in boards.items():
        for standing in board:
            points.setdefault(standing.student, {})[task] = standing.points
            students[standing.student] = standing
    sums = {student: sum(value or 0 for value in by_task.values()) for student, by_task in points.items()}
    ranks: dict[int, int] = {}  # of each sum
    for rank, total in enumerate(sorted(sums.values(), reverse=True), start=1):
        ranks.setdefault(total, rank)
    rows = [
        Total(ranks[sums[id_]], id_, someone.alias, someone.name, someone.section, points[id_], sums[id_])
        for id_, someone in students.items()
    ]
    return sorted(rows, key=lambda row: (row.rank, row.alias))


def anonymous(
    boards: Mapping[str, Sequence[Standing]], pseudonyms: Mapping[str, str]
) -> dict[str, list[Standing]]:
    """Return boards that show pseudonyms instead of students, and hold nothing that could identify anybody."""
    return {
        task: sorted(
            (_anonymous(standing, pseudonyms[standing.student]) for standing in board),
            key=lambda standing: (standing.rank, standing.alias),
        )
        for task, board in boards.items()
    }


def _anonymous(standing: Standing, pseudonym: str) -> Standing:
    result = standing.result and replace(
        standing.result, student=pseudonym, submission="", submission_sha256="", slot_sha256="", slot_key="", message="",
        traceback="", penalties=[], changed_cells=[], run_folder="", identical_to="", versions={},
    )  # fmt: skip
    return replace(
        standing, student=pseudonym, alias=pseudonym, name="", email="", section="", submitted="", late=False, path="",
        reason="", choice="", result=result,
    )  # fmt: skip


def within_noise(left: Metrics, right: Metrics) -> bool:
    """Return whether two mean values differ by less than two standard errors of their difference.

    The standard error is sqrt(s1^2 / n1 + s2^2 / n2), with the standard deviation s over the n repeats of each. With a
    single repeat nothing is known about the noise, and the answer is no; so it is for values of two metrics, which cannot be
    compared. With few repeats this is a rule of thumb: a normal approximation is generous to three of them.
    """
    counts = len(left.per_repeat), len(right.per_repeat)
    if min(counts) < 2 or left.metric.scorer != right.metric.scorer:
        return False
    error = math.sqrt(left.spread**2 / counts[0] + right.spread**2 / counts[1])
    return abs(left.value - right.value) < NOISE * error


def _marked(board: Sequence[Standing]) -> list[Standing]:
    """Return the rows with their ties and their noise; only scores are compared, for failures all have 0 points."""
    sharing = Counter(row.points for row in board if row.scored)
    marked: list[Standing] = []
    last: Standing | None = None  # the scored row after this one
    below: Standing | None = None  # the first one after this one that has other points
    for row in reversed(board):
        if not row.scored:
            marked.append(row)
            continue
        if last is not None and last.points != row.points:
            below = last
        noisy = below is not None and _indistinct(row, below)
        marked.append(replace(row, tied=sharing[row.points] > 1, noisy=noisy))
        last = row
    return marked[::-1]


def _indistinct(left: Standing, right: Standing) -> bool:
    if left.metrics is None or right.metrics is None or left.reason or right.reason:
        return False
    return within_noise(left.metrics, right.metrics)
