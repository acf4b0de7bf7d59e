"""The commands that make notebooks: build, and new-task, which starts a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.errors import UsageError
from grader.task import build as builder
from grader.task.scaffold import scaffold
from grader.task.spec import discover, load_task

if TYPE_CHECKING:
    from grader.cli.commands import BuildOptions, NewTaskOptions


def build(options: BuildOptions) -> None:
    """Generate the starter and solution notebooks from the author's notebook."""
    stale: list[str] = []
    written: list[Path] = []
    tasks = [load_task(name) for name in options.names] if options.names else discover()
    if options.check:
        stale = [line for task in tasks for line in builder.check(task, options.repo_url)]
    elif options.repo_url is None:
        written = [path for task in tasks for path in builder.write(task)]
    else:  # it is one for all tasks of a folder
        for folder in sorted({task.folder.parent for task in tasks}):
            written += builder.move(discover(folder), options.repo_url)
    if options.as_json:
        output.print_json({"stale": stale, "written": [str(path) for path in written]})
    for path in [] if options.as_json else written:
        output.say(f"wrote {path}")
    if stale:
        raise UsageError("; ".join(stale))
    if not options.as_json and not written:
        output.say("every notebook is in step with its source")


def new_task(options: NewTaskOptions) -> None:
    """Start a task: a small one that works, commented for its author."""
    task, written = scaffold(options.task_id, options.out)
    if options.as_json:
        output.print_json({"id": task.id, "written": [str(path) for path in written]})
        return
    for path in written:
        output.say(f"wrote {_relative(path)}")
    folder = _relative(task.folder)
    output.say(f"next: change {folder}/notebook.py, then run: grader build {folder}")


def _relative(path: Path) -> Path:
    """Return a path as the caller would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
