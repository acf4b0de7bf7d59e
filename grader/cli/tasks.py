"""The command tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.cli import output
from grader.task.spec import discover
from grader.task.translation import languages

if TYPE_CHECKING:
    from grader.cli.commands import TasksOptions


def tasks(options: TasksOptions) -> None:
    """List the tasks."""
    known = discover()
    if options.as_json:
        output.print_json(
            [
                {
                    **task.spec.model_dump(),
                    "id": task.id,
                    "version": task.version,
                    "languages": ["en", *languages(task.folder)],
                }
                for task in known
            ]
        )
    else:
        output.show_tasks(known)
