"""Rehearse a grading on public data, for the student who wants to know before handing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import StudentFault, UsageError
from grader.notebooks.reading import grader_metadata, read_notebook
from grader.submissions.collect import Submission
from grader.task.data import prepare
from grader.task.evaluation import Repeat, prepare_rehearsal, resolve_source
from grader.task.spec import discover
from grader.task.strategies import is_slot_file

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

_PUBLIC_SEED = 0


def submission_of(notebook: Path, data: bytes | None = None) -> Submission:
    """Return the notebook as the one submission it is; `data` is what it holds, if that was read already.

    Raises UsageError where there is no such file.
    """
    if data is None and not notebook.is_file():
        raise UsageError(f"{notebook} is not a file")
    return Submission(path=str(notebook), student=notebook.stem, data=notebook if data is None else data)


def task_of(notebook: Path) -> str:
    """Return the task that a notebook says it belongs to.

    Raises UsageError where it says none or cannot be read.
    """
    if is_slot_file(notebook):
        raise UsageError(f"{notebook} holds a slot alone, which belongs to no task by itself; give --task")
    try:
        task_id = grader_metadata(read_notebook(submission_of(notebook).data or b"")).get("task")
    except StudentFault as fault:
        raise UsageError(f"{notebook}: {fault.message}") from fault
    if not isinstance(task_id, str):
        raise UsageError(f"{notebook} does not say which task it belongs to; give --task")
    return task_id


def task_of_file(path: Path, *folders: Path) -> Task | None:
    """Return the one task of `folders` that asks for a file called as `path`; None where there is none, or several."""
    asking = [task for task in discover(*folders) if task.spec.files and task.spec.files.name == path.name]
    return asking[0] if len(asking) == 1 else None


def rounds(task: Task, notebook: Path, data: Path | None, scratch: Path, *, repeats: int) -> list[Repeat]:
    """Return repeats made of the public data alone.

    The public folder is `data`, else the task's folder `data/TASK` beside the notebook (or `data/TASK/public`, where
    `grader prepare` puts it; or, for students' copy, beside the folder `tasks`), else built in `scratch`. Raises UsageError where it cannot be used.
    """
    if data is not None and not data.is_dir():
        raise UsageError(f"{data} is not a folder of public data")
    usual = task.handout.data if task.handout else f"data/{task.id}"
    homes = [notebook.parent, task.folder.parent.parent] if task.handout else [notebook.parent]
    for folder in [data] if data else [home / usual for home in homes]:
        for public in (folder / "public", folder):
            if public.is_dir():
                return prepare_rehearsal(task, public, scratch, repeats=repeats)
    if task.handout:
        raise UsageError(
            f"the public data are not in {homes[1] / usual}; unpack the zip again, or name their folder: --data"
        )
    source = resolve_source(task.spec.data.source, task.folder)
    prepare(task, scratch / "made", seed=_PUBLIC_SEED, source=source)
    return prepare_rehearsal(task, scratch / "made" / "public", scratch, repeats=repeats)
