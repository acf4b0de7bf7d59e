"""Prepare and read a final round: the attempts that count are graded once more, and everybody's points for it are gathered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.errors import GraderFault, UsageError
from grader.gradebook.gradebook import reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.run_settings import SEED_VERSION, RunSettings
from grader.grading.cache import context_key
from grader.grading.places import Entrant
from grader.grading.rerun import settings_of_last_grade
from grader.submissions.collect import Submission
from grader.task.row_draws import DRAWS, draw_rows, values_of_draws

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.gradebook.gradebook import Gradebook, Recorded
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


def settings_of_answers(earlier: Path, task: Task, secret_file: Path | None) -> RunSettings:
    """Return the settings of the last grading in `earlier` of a task of files; `secret_file` takes the place of the recorded one.

    Raises UsageError where there is none.
    """
    settings = settings_of_last_grade(earlier, task)
    return replace(settings, secret_file=str(secret_file.resolve())) if secret_file else settings


def check_answers(earlier: Path, task: Task, repeats: list[Repeat]) -> None:
    """Raise UsageError where these are not the answers that what counts in `earlier` was measured by."""
    with reading(earlier) as book:
        counting = [entry for _, entry in _counting(book, task)]
        given = [run["settings"] for run in book.runs() if run["settings"].get("task") == task.id]
    known = {context_key(task, repeats, RunSettings.from_json(settings)) for settings in given}
    if any(entry.key.context not in known for entry in counting):
        raise UsageError(
            f"the task or its answers are not those that {earlier} was graded with; name the secret that the data were "
            "packed with (--secret-file), or grade again: grader grade"
        )


def drawn_values(out: Path, task: Task, answers: Path) -> NDArray[np.float64]:
    """Return what the predictions of each of `entrants_of` are worth on draws of the rows (entrants, draws).

    Draws that cannot be measured for everybody are skipped. Raises GraderFault where none can, or predictions are missing.
    """
    draws = draw_rows(answers)
    with reading(out) as book:
        results = [book.executed_for(entry).result for _, entry in _counting(book, task)]
    values = np.full((len(results), DRAWS), task.spec.score.floor)
    for row, result in enumerate(results):
        if result.metrics is not None:
            predictions = RunFolder.of(out, result).repeat(0).predictions
            values[row] = values_of_draws(predictions, answers, draws, task)
    complete = values[:, ~np.isnan(values).any(axis=0)]
    if not complete.size:
        raise GraderFault(
            f"no draw of the rows of {task.id} can be measured, so nothing is known of how sure a place is"
        )
    return complete


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
    """Return the attempt of each student that counts in `earlier`, and the students whose file was never kept."""
    with reading(earlier) as book:
        counting = _counting(book, task)
    submissions, lost = [], []
    for row, entry in sorted(counting, key=lambda pair: str(pair[0]["student"])):
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
        counting = _counting(book, task)
    entrants = []
    for row, entry in counting:
        result = entry.result
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


def _counting(book: Gradebook, task: Task) -> list[tuple[dict[str, Any], Recorded]]:
    """Return for each student, the first place first, the row of the leaderboard and the result that counts."""
    recorded = {entry.id: entry for entry in book.history()}
    return [(row, recorded[row["result"]]) for row in book.leaderboard() if row["task"] == task.id]
