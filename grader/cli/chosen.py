"""Find what a caller names: a student of a gradebook, a task, a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.errors import UsageError, instead
from grader.task.spec import discover, load_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.task.spec import Task


def row_of(board: Sequence[dict[str, Any]], student: str, task: str | None, out: Path) -> dict[str, Any]:
    """Return the row of the leaderboard that is the student's, who is named by id, or by a name that one has.

    Raises UsageError where nobody is, or somebody has results of several tasks and `task` names none.
    """
    of_task = [row for row in board if task in (None, row["task"])]
    if board and not of_task:
        raise UsageError(
            f"{out} has no results of {task!r}; {instead(str(task), {row['task'] for row in board})}"
        )
    rows = [row for row in of_task if row["student"] == student]
    rows = rows or [row for row in of_task if row["name"].casefold() == student.casefold()]
    if not rows:
        known = {row["student"] for row in of_task}
        raise UsageError(f"{out} has no student {student!r}; {instead(student, known)}")
    if len({row["student"] for row in rows}) > 1:
        raise UsageError(
            f"several are called {student!r}: {' and '.join(row['student'] for row in rows)}; give the id"
        )
    if len(rows) > 1:
        tasks = " or ".join(row["task"] for row in rows)
        raise UsageError(f"{student} has results of several tasks; choose one: --task {tasks}")
    return rows[0]


def reason_from(because: str, note: str = "") -> str:
    """Return a reason on one line. Raises UsageError, with `note` in it, where it has no word."""
    reason = " ".join(because.split())
    if not reason:
        raise UsageError(f"--because needs a reason{note}")
    return reason


def task_named(name: str, folder: str | None) -> Task | None:
    """Return the task, from its folder if one is given; None where it is nowhere listed."""
    if folder:
        return load_task(folder)
    return next((task for task in discover() if task.id == name), None)
