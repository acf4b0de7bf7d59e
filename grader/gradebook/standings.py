"""Who stands where: the leaderboard of each task with its ties and its noise, and the totals over all tasks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.errors import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grader.gradebook.result import Metrics, Result

NOISE = 2.0  # standard errors of a difference that do not count as one


@dataclass(frozen=True)
class Standing:
    """A row of a task's leaderboard: the attempt of a student that counts.

    `name` is who is shown, the student's id or a pseudonym. `tied` says that a neighbour has the same points, and
    `noisy` that the next one below cannot be told apart (`within_noise`). `identity` is the result's row.
    """

    rank: int
    student: str
    name: str
    full_name: str
    section: str
    result: Result
    attempt: int
    attempts: int
    sent: str
    late: bool
    identity: int
    tied: bool = False
    noisy: bool = False

    @property
    def scored(self) -> bool:
        """Whether there is a score to compare."""
        return self.result.verdict is Verdict.SCORED


@dataclass(frozen=True)
class Total:
    """A row of the board over all tasks; `points` has no entry where nothing was handed in, None where we failed."""

    rank: int
    student: str
    name: str
    full_name: str
    section: str
    points: dict[str, int | None]
    total: int


def standings(rows: Iterable[Mapping[str, Any]], results: Mapping[int, Result]) -> dict[str, list[Standing]]:
    """Return the leaderboard of each task, by rank, from the rows of the gradebook's view and its results by row."""
    boards: dict[str, list[Standing]] = {}
    for row in rows:
        standing = Standing(
            rank=row["rank"], student=row["student"], name=row["student"], full_name=row["name"], section=row["section"],
            result=results[row["result"]], attempt=row["attempt"], attempts=row["attempts"], sent=row["sent"],
            late=bool(row["late"]), identity=row["result"],
        )  # fmt: skip
        boards.setdefault(row["task"], []).append(standing)
    return {task: _marked(board) for task, board in boards.items()}


def totals(boards: Mapping[str, Sequence[Standing]]) -> list[Total]:
    """Return the sum of each student's points over the tasks, the highest first; equal sums share a rank.

    A task without a result counts 0, and so does a failure of ours until it is graded again.
    """
    points: dict[str, dict[str, int | None]] = {}
    people: dict[str, Standing] = {}
    for task, board in boards.items():
        for standing in board:
            points.setdefault(standing.student, {})[task] = standing.result.points
            people[standing.student] = standing
    sums = {student: sum(value or 0 for value in given.values()) for student, given in points.items()}
    first: dict[int, int] = {}  # the rank of each sum
    for rank, total in enumerate(sorted(sums.values(), reverse=True), start=1):
        first.setdefault(total, rank)
    found = [
        Total(first[total], student, who.name, who.full_name, who.section, points[student], total)
        for student, total in sums.items()
        for who in [people[student]]
    ]
    return sorted(found, key=lambda row: (row.rank, row.name))


def anonymous(
    boards: Mapping[str, Sequence[Standing]], names: Mapping[str, str]
) -> dict[str, list[Standing]]:
    """Return boards that show `names` instead of students, and hold nothing that could tell who somebody is."""
    return {
        task: sorted(
            (_anonymous(row, names[row.student]) for row in board), key=lambda row: (row.rank, row.name)
        )
        for task, board in boards.items()
    }


def _anonymous(row: Standing, name: str) -> Standing:
    result = row.result
    bare = replace(
        result, student=name, submission="", submission_sha256="", slot_sha256="", slot_key="", message="", traceback="",
        penalties=[], changed_cells=[], run_folder="", identical_to="", versions={},
    )  # fmt: skip
    return replace(row, student=name, name=name, full_name="", section="", sent="", late=False, result=bare)


def within_noise(one: Metrics, other: Metrics) -> bool:
    """Return whether two mean balanced accuracies differ by less than two standard errors of their difference.

    The standard error is sqrt(s1^2 / n1 + s2^2 / n2), with the standard deviation s over the n repeats of each. With a
    single repeat nothing is known about the noise, and the answer is no. With few repeats this is a rule of thumb:
    a normal approximation is generous to three of them.
    """
    counts = len(one.per_repeat), len(other.per_repeat)
    if min(counts) < 2:
        return False
    error = math.sqrt(one.spread**2 / counts[0] + other.spread**2 / counts[1])
    return abs(one.balanced_accuracy - other.balanced_accuracy) < NOISE * error


def _marked(board: Sequence[Standing]) -> list[Standing]:
    """Return the rows with their ties and their noise; only scores are compared, for failures all have 0 points."""
    sharing = Counter(row.result.points for row in board if row.scored)
    marked: list[Standing] = []
    last: Standing | None = None  # the scored row after this one
    below: Standing | None = None  # the first one after this one that has other points
    for row in reversed(board):
        if not row.scored:
            marked.append(row)
            continue
        if last is not None and last.result.points != row.result.points:
            below = last
        noisy = below is not None and _alike(row, below)
        marked.append(replace(row, tied=sharing[row.result.points] > 1, noisy=noisy))
        last = row
    return marked[::-1]


def _alike(one: Standing, other: Standing) -> bool:
    mine, theirs = one.result.metrics, other.result.metrics
    return mine is not None and theirs is not None and within_noise(mine, theirs)
