"""Read a task's generated starter notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault, UsageError
from grader.notebooks.reading import Json, read_notebook
from grader.task.translation import starter_in

if TYPE_CHECKING:
    from grader.task.spec import Task


def load_starter(task: Task, language: str = "") -> Json:
    """Read the task's generated starter notebook, or that in another language.

    Raises UsageError where it was not built, GraderFault where it is damaged.
    """
    try:
        data = (starter_in(task, language) if language else task.starter).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"the starter notebook of {task.id} is missing; run: grader build {task.id}"
        ) from error
    try:
        return read_notebook(data)
    except StudentFault as error:
        raise GraderFault(f"the starter notebook of {task.id} is damaged: {error.message}") from error
