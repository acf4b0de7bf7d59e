"""Make students' copy of a task: enough to rehearse the grading on the public data, and nothing that is secret."""

from __future__ import annotations

import platform
import shutil
from typing import TYPE_CHECKING

import tomli_w

from grader.errors import UsageError
from grader.task.scorers import SCORE_FILE
from grader.task.source import data_source
from grader.task.spec import HANDOUT_FILE, HANDOUT_STARTER, Handout
from grader.task.student_source import student_source

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

_REHEARSAL = "rehearse"
# Where the data come from is the organisers' own business, and so are other sizes than the one that is handed out.
_KEPT_BACK = {"data", "sizes"}


def write_handout(task: Task, folder: Path, *, size: str, data: str) -> None:
    """Write students' copy of `task` in this `size` as `folder`; `data` is where their notebook looks for the public data.

    It is graded in this Python. Raises UsageError where what it needs of data.py cannot be cut out.
    """
    source = student_source(data_source(task.folder), [_REHEARSAL])
    if f"def {_REHEARSAL}(" not in source:
        raise UsageError(
            f"{task.folder / 'data.py'} must define {_REHEARSAL}, with which students check their notebooks"
        )
    handout = Handout(
        version=task.version, run_digest=task.run_digest, python=platform.python_version(), data=data
    )
    folder.mkdir(parents=True)
    (folder / HANDOUT_FILE).write_text(
        handout.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n"
    )
    (folder / "task.toml").write_text(_settings(task, size), encoding="utf-8", newline="\n")
    (folder / "data.py").write_text(source + "\n", encoding="utf-8", newline="\n")
    if task.score_source:
        (folder / SCORE_FILE).write_text(task.score_source, encoding="utf-8", newline="\n")
    for mount in task.mounts:
        shutil.copytree(mount, folder / mount.name)
    (folder / HANDOUT_STARTER).write_bytes(task.starter.read_bytes())


def _settings(task: Task, size: str) -> str:
    """Return the task.toml for students, with the time limit of this size."""
    values = task.spec.model_dump(mode="json", by_alias=True, exclude=_KEPT_BACK, exclude_none=True)
    values["limits"]["wall_seconds"] = task.size(size).wall_seconds
    return tomli_w.dumps(values | {"schema": 2})
