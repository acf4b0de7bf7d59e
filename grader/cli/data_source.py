"""The data of a command: their source, given or the task's, and the seed of what is handed out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.task.evaluation import HANDED_OUT, resolve_source
from grader.task.secret import refuse_weak_secret, secret_for
from grader.task.seeds import Seeds

if TYPE_CHECKING:
    from grader.task.spec import Task


def source_of(task: Task, given: str | None, size: str) -> str:
    """Return the data source: the one given, else that of the task's size, with absolute paths."""
    known = task.size(size).source
    return resolve_source(given, Path.cwd()) if given else resolve_source(known, task.folder)


def seed_of_draw(task: Task, secret_file: Path | None, otherwise: int = HANDED_OUT) -> int:
    """Return the seed with which the data of a task are handed out; of a task of files, the one that grades with this secret.

    Raises UsageError where the secret is weak, cannot be read, or the task draws hidden data anew.
    """
    if secret_file is None:
        return otherwise
    if task.spec.runs_code:
        raise UsageError(
            f"--secret-file: {task.id} draws its hidden data anew when it is graded; give it to grader grade"
        )
    refuse_weak_secret(secret_file)
    return Seeds.of(secret_for(Path(), secret_file), task.id).derive("data", 0)
