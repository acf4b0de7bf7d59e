"""Start a new task: from a small one that works, or from a published notebook."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import StudentFault, UsageError
from grader.files import MADE, READ, reporting_os_errors
from grader.notebooks.reading import read_notebook
from grader.task import build
from grader.task.published import read_published
from grader.task.published_folder import files_of, left_to_do
from grader.task.source import PARTS
from grader.task.spec import read_task, tasks_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.task.spec import Kind, Task

_TEMPLATES = Path(__file__).with_name("templates")  # a folder for each kind of task
_NAME = "my_task"  # what the template calls itself
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_TAKEN = {"cells", PARTS}  # shared by tasks, beside their folders
_ROWS = ("files.py", "rows.py")  # the parts that make a task's folders of rows


def template_files(task_id: str, kind: Kind) -> dict[str, str]:
    """Return the text of each file of a new task of that kind called `task_id`, by its path in the task's folder."""
    template = _TEMPLATES / kind
    files = {
        file.relative_to(template).as_posix(): file
        for file in template.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    files.setdefault("data.py", _TEMPLATES / "function" / "data.py")  # kinds differ in more than their data
    return {name: files[name].read_text(encoding="utf-8").replace(_NAME, task_id) for name in sorted(files)}


def scaffold(task_id: str, tasks: Path, kind: Kind = "function") -> tuple[Task, list[Path]]:
    """Make the folder `tasks`/`task_id`, with the parts that it shares, and build its notebooks; return the task and what was written.

    Raises UsageError for a name that no task can have, and where the folder already exists.
    """
    _check_name(task_id)
    if not _TEMPLATES.is_dir():
        raise UsageError("new tasks need the wheel for instructors: pip install notebook-olympiad-tasks")
    files = template_files(task_id, kind)
    shared = _share_rows(tasks.resolve()) if f"from {PARTS}.rows" in files["data.py"] else []
    task, written = _make(task_id, tasks, files)
    try:
        return task, [*shared, *written, *build.write(task)]
    except OSError as error:
        shutil.rmtree(task.folder, ignore_errors=True)
        raise UsageError(f"{task.folder} {MADE}: {error.strerror}") from error


def scaffold_from(task_id: str, tasks: Path, notebook: Path) -> tuple[Task, list[Path], list[str]]:
    """Make a task of a published notebook; return it, the files that were written, and what is left to do.

    Raises UsageError where the notebook cannot be read or has no slot, and as `scaffold` does.
    """
    _check_name(task_id)
    with reporting_os_errors(READ, notebook):
        data = notebook.read_bytes()
    try:
        published = read_published(read_notebook(data))
    except StudentFault as fault:
        raise UsageError(f"{notebook} cannot be read: {fault.message}") from fault
    if not published.slots:
        raise UsageError(
            f"{notebook} has no slot: no code cell defines a function or class called your_... or says YOUR CODE HERE; "
            "rename what students write, and try again"
        )
    left = left_to_do(published)
    task, written = _make(task_id, tasks, files_of(task_id, published))
    try:
        return task, [*written, *build.write(task)], left
    except UsageError as error:
        return task, written, [f"grader build does not pass yet: {error}", *left]


def _check_name(task_id: str) -> None:
    if not _ID.fullmatch(task_id) or task_id in _TAKEN:
        raise UsageError(
            f"{task_id!r} cannot name a task; use a letter, then letters, digits, - and _, at most 50 in all"
        )


def _share_rows(tasks: Path) -> list[Path]:
    """Write the parts that make folders of rows beside the tasks of the folder `tasks`, where they are not there yet; return those."""
    written = []
    for name in _ROWS:
        target = tasks / PARTS / name
        if not target.is_file():
            with reporting_os_errors(MADE, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(tasks_folder() / PARTS / name, target)
            written.append(target)
    return written


def _make(task_id: str, tasks: Path, files: Mapping[str, str]) -> tuple[Task, list[Path]]:
    """Write `files` into the new folder of a task; return the task and what was written."""
    folder = tasks.resolve() / task_id
    if folder.exists():
        raise UsageError(f"{folder} already exists; a task is never overwritten")
    written = []
    try:
        for name, text in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
            written.append(target)
        return read_task(folder), written
    except UsageError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"{folder} {MADE}: {error.strerror}") from error
