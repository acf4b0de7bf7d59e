"""Rehearse a grading on public data, for the student who wants to know before handing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.batch import Job, Watcher, run_batch
from grader.cells import read_notebook
from grader.errors import StudentFault, UsageError
from grader.evaluation import prepare_rehearsal
from grader.intake import Submission

if TYPE_CHECKING:
    from pathlib import Path

    from grader.grade import Settings
    from grader.result import Result
    from grader.task import Task

_PUBLIC_SEED = 0


def task_of(notebook: Path) -> str:
    """Return the task that a notebook says it belongs to.

    Raises UsageError where it says none or cannot be read.
    """
    try:
        found = read_notebook(_read(notebook)).get("metadata", {}).get("grader", {}).get("task")
    except StudentFault as fault:
        raise UsageError(f"{notebook}: {fault.message}") from fault
    if not isinstance(found, str):
        raise UsageError(f"{notebook} does not say which task it belongs to; give --task")
    return found


def rehearse(
    task: Task,
    notebook: Path,
    *,
    data: Path | None,
    settings: Settings,
    scratch: Path,
    out: Path,
    repeats: int,
    warm: bool,
    watcher: Watcher,
) -> Result:
    """Grade `notebook` on repeats made of the public data alone.

    The public folder is `data`, else `data/TASK` beside the notebook, else built in `scratch`. Raises UsageError
    where the notebook or the data cannot be read.
    """
    submission = Submission(path=str(notebook), student=notebook.stem, data=_read(notebook), fault=None)
    public = data or notebook.parent / "data" / task.id
    if data is not None and not data.is_dir():
        raise UsageError(f"{data} is not a folder of public data")
    if not public.is_dir():
        public = scratch / "public"
        task.builder().make_data(public, None, None, _PUBLIC_SEED)
    rounds = prepare_rehearsal(task, public, scratch, repeats=repeats)
    job = Job(task, [submission], rounds, settings, out, jobs=1, warm=warm)
    return run_batch(job, watcher)[0]


def _read(notebook: Path) -> bytes:
    try:
        return notebook.read_bytes()
    except OSError as error:
        raise UsageError(f"{notebook} cannot be read: {error.strerror}") from error
