"""Start a new task from a small one that works, so that an author can change it step by step."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import MADE
from grader.task import build
from grader.task.spec import read_task

if TYPE_CHECKING:
    from grader.task.spec import Kind, Task

_TEMPLATES = Path(__file__).with_name("templates")  # a folder for each kind of task
_NAME = "my_task"  # what the template calls itself
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_TAKEN = {"cells", "parts"}  # shared by tasks, beside their folders


def template_files(task_id: str, kind: Kind) -> dict[str, str]:
    """Return the text of each file of a new task of that kind called `task_id`, by its path in the task's folder."""
    template = _TEMPLATES / kind
    return {
        file.relative_to(template).as_posix(): file.read_text(encoding="utf-8").replace(_NAME, task_id)
        for file in sorted(template.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def scaffold(task_id: str, tasks: Path, kind: Kind = "function") -> tuple[Task, list[Path]]:
    """Make the folder `tasks`/`task_id` and build its notebooks; return the task and the files that were written.

    Raises UsageError for a name that no task can have, and where the folder already exists.
    """
    if not _ID.fullmatch(task_id) or task_id in _TAKEN:
        raise UsageError(
            f"{task_id!r} cannot name a task; use a letter, then letters, digits, - and _, at most 50 in all"
        )
    if not _TEMPLATES.is_dir():
        raise UsageError("new tasks need the wheel for instructors: pip install notebook-olympiad-tasks")
    folder = tasks.resolve() / task_id
    if folder.exists():
        raise UsageError(f"{folder} already exists; a task is never overwritten")
    written = []
    try:
        for name, text in template_files(task_id, kind).items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
            written.append(target)
        task = read_task(folder)
        return task, [*written, *build.write(task)]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"{folder} {MADE}: {error.strerror}") from error
