"""Prepare and read a final round: the attempts that count are graded once more, and everybody's points for it are gathered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grader.gradebook.gradebook import reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.run_settings import SEED_VERSION, RunSettings
from grader.grading.places import Entrant
from grader.grading.rerun import settings_of_last_grade
from grader.submissions.collect import Submission

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task


def final_settings(earlier: Path, task: Task, secret_file: Path, repeats: int | None) -> RunSettings:
    """Return the settings of the last grading in `earlier`, but for the secret, and for `repeats` where it is given.

    Raises UsageError where `earlier` holds no results of the task.
    """
    settings = settings_of_last_grade(earlier, task)
    return replace(
        settings,
        secret_file=str(secret_file.resolve()),
        repeats=repeats or task.spec.repeats,
        seed_version=SEED_VERSION,
    )


def counting_submissions(earlier: Path, task: Task) -> tuple[list[Submission], list[str]]:
    """Return the attempt of each student that counts in `earlier`, and the students whose notebook was never kept."""
    with reading(earlier) as book:
        board = [row for row in book.leaderboard() if row["task"] == task.id]
        recorded = {row.id: row for row in book.history()}
    submissions, lost = [], []
    for row in sorted(board, key=lambda row: str(row["student"])):
        entry = recorded[row["result"]]
        kept = RunFolder.of(earlier, entry.result).submission
        if kept.is_file():
            submissions.append(
                Submission(
                    row["path"], row["student"], kept, submitted=entry.submitted, late=bool(row["late"])
                )
            )
        else:
            lost.append(str(row["student"]))
    return submissions, lost


def entrants_of(out: Path, task: Task) -> list[Entrant]:
    """Return what each student has in a final round: the result that counts, its penalty, and adjusted points."""
    with reading(out) as book:
        board = [row for row in book.leaderboard() if row["task"] == task.id]
        results = {entry.id: entry.result for entry in book.history()}
    entrants = []
    for row in board:
        result = results[row["result"]]
        entrants.append(
            Entrant(
                row["student"],
                tuple(result.metrics.per_repeat) if result.metrics else (),
                penalty=row["penalty"],
                adjusted=row["adjusted"],
                graded=result.points is not None,
            )
        )
    return entrants
