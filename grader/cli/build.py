"""The commands that make notebooks: build, and new-task, which starts a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.errors import UsageError
from grader.task import build as builder
from grader.task.scaffold import scaffold, scaffold_from
from grader.task.spec import discover, load_task, task_folders, tasks_folder
from grader.task.upgrade import upgrade as upgrade_task

if TYPE_CHECKING:
    from grader.cli.author_options import BuildOptions, NewTaskOptions, UpgradeOptions
    from grader.task.spec import Task


def build(options: BuildOptions) -> None:
    """Generate the starter and solution notebooks from the author's notebook.

    Those of a task that was installed with the program are written into this folder, and never beside the program.
    """
    stale: list[str] = []
    written: list[Path] = []
    tasks = [load_task(name) for name in options.names] if options.names else discover(_home_of_all())
    if options.check:
        stale = [line for task in tasks for line in builder.check(task, options.repo_url, _home(task))]
    elif options.repo_url is None:
        written = [path for task in tasks for path in builder.write(task, _home(task))]
    else:  # it is one for all tasks of a folder
        if installed := next(filter(_home, tasks), None):
            raise UsageError(
                f"{installed.id} came with the program; copy {installed.folder.parent} here to keep an address for it"
            )
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


def _home_of_all() -> Path:
    """Return the folder of the tasks that are meant where none is named: `tasks` here, or what came with the program."""
    return next((folder for folder in task_folders() if any(folder.glob("*/task.toml"))), tasks_folder())


def _home(task: Task) -> Path | None:
    """Return where the notebooks of a task go that cannot have them beside its own folder; None for all others."""
    return Path.cwd() if task.is_installed else None


def new_task(options: NewTaskOptions) -> None:
    """Start a task: a small one that works, commented for its author, or what a published notebook gives."""
    left: list[str] = []
    if options.from_notebook is None:
        task, written = scaffold(options.task_id, options.out, options.kind)
    elif options.kind == "function":
        task, written, left = scaffold_from(options.task_id, options.out, options.from_notebook)
    else:
        raise UsageError("--from makes tasks of the kind function; run it without --kind")
    if options.as_json:
        content = {"id": task.id, "written": [str(path) for path in written]}
        output.print_json(content | ({"left_to_do": left} if options.from_notebook else {}))
        return
    for path in written:
        output.say(f"wrote {_relative(path)}")
    folder = _relative(task.folder)
    if left:
        output.say(f"left to do (also in {folder}/README.md):")
        for number, item in enumerate(left, start=1):
            output.say(f"{number}. {item}")
        return
    output.say(f"next: change {folder}/notebook.py, then run: grader build {folder}")


def upgrade(options: UpgradeOptions) -> None:
    """Rewrite a task.toml in the newest form, with its comments."""
    task = load_task(options.task_name)
    path, is_changed = task.folder / "task.toml", upgrade_task(task)
    if options.as_json:
        output.print_json({"written": [str(path)] if is_changed else []})
    else:
        output.say(f"wrote {_relative(path)}" if is_changed else f"{_relative(path)} has the newest form")


def _relative(path: Path) -> Path:
    """Return a path as the caller would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
