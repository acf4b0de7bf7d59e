"""The data source of a command: the one given, or the task's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.task.evaluation import resolve_source

if TYPE_CHECKING:
    from grader.task.spec import Task


def source_of(task: Task, given: str | None, size: str) -> str:
    """Return the data source: the one given, else that of the task's size, with absolute paths."""
    known = task.size(size).source
    return resolve_source(given, Path.cwd()) if given else resolve_source(known, task.folder)
