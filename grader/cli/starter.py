"""The command starter: the notebook that students begin with, as a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.errors import UsageError
from grader.files import write_atomic
from grader.task.spec import load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from grader.cli.commands import StarterOptions


def starter(options: StarterOptions) -> None:
    """Write the starter notebook of a task; a file that is there already is never replaced by another."""
    task = load_task(options.task_name)
    load_starter(task)  # a missing or damaged one is a line of its own
    content, path = task.starter.read_bytes(), options.out or Path(f"{task.id}.ipynb")
    if path.is_dir():
        path /= f"{task.id}.ipynb"
    if path.exists() and path.read_bytes() != content:
        raise UsageError(f"{path} is there already, and may be somebody's work; choose another file: --out")
    write_atomic(path, content)
    if options.as_json:
        output.print_json({"out": str(path)})
    else:
        output.say(f"wrote {path}")
