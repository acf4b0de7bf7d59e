"""Make the zip that lets Gradescope grade one task: two scripts, the grader, the task, and a secret for the hidden data."""

from __future__ import annotations

import json
import shutil
import string
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.export.requirements import NAME, installed, needs
from grader.files import READ, reporting_os_errors, write_private
from grader.task.build import check
from grader.task.data import zip_folder

if TYPE_CHECKING:
    from grader.export.gradescope import Assignment
    from grader.task.spec import Task

SETTINGS = "autograder.json"
SECRET = "secret"  # noqa: S105 -- a file name
KIT = "kit"
_PROGRAM = Path(__file__).resolve().parent.parent
_TEMPLATES = Path(__file__).with_name("templates") / "autograder"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "bundled", ".*")
_DATA = "data.npz"


def write_autograder(task: Task, assignment: Assignment, secret: bytes, out: Path) -> None:
    """Write the zip `out`, readable by the caller only. Equal arguments give equal bytes.

    An empty `secret` stands for the data of a task of files that are handed out without one.

    Raises UsageError where the notebooks are out of step, the data source cannot go with the zip, or it cannot be
    written.
    """
    stale = check(task)
    if stale:
        raise UsageError("; ".join(stale))
    with tempfile.TemporaryDirectory(prefix="grader-autograder-") as scratch:
        draft = Path(scratch) / "zip"
        draft.mkdir()
        _lay_out(draft, task, _with_data(draft, assignment), secret)
        zip_folder(draft, Path(scratch) / "whole.zip")
        write_private(out, (Path(scratch) / "whole.zip").read_bytes())


def _lay_out(draft: Path, task: Task, assignment: Assignment, secret: bytes) -> None:
    for name in ("setup.sh", "run_autograder"):
        shutil.copy(_TEMPLATES / name, draft / name)
        (draft / name).chmod(0o755)
    (draft / SETTINGS).write_text(json.dumps(assignment.as_json(), indent=2) + "\n", encoding="utf-8")
    (draft / SECRET).write_bytes(secret + b"\n")
    (draft / "constraints.txt").write_text(_constraints(), encoding="utf-8")
    kit = draft / KIT
    shutil.copytree(_PROGRAM, kit / "grader", ignore=_LEFT_OUT)
    (kit / "pyproject.toml").write_text(_pyproject(), encoding="utf-8")
    for folder in [task.folder, *(task.folder.parent / name for name in ("cells", "parts"))]:
        for file in sorted([*folder.glob("*.py"), *folder.glob("task.toml")]):
            _copy(file, kit / "tasks" / folder.name / file.name)
    for mount in task.mounts:
        shutil.copytree(mount, kit / "tasks" / task.id / mount.name)
    _copy(task.starter, kit / "starter_notebooks" / task.starter.name)


def _with_data(draft: Path, assignment: Assignment) -> Assignment:
    """Return the assignment with the instructor's own data, if it has any, in the zip."""
    kind, _, path = assignment.source.partition(":")
    if kind == "npz":
        with reporting_os_errors(READ, f"the data {path}"):
            _copy(Path(path), draft / _DATA)
        return replace(assignment, source=f"npz:{_DATA}")
    if kind != "embedded":
        raise UsageError(f"the data source {assignment.source!r} cannot go with the zip; save it as npz:PATH")
    return assignment


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def _constraints() -> str:
    """Return the versions of what is installed here, so that the same submission gets the same points there."""
    lines = [f"{name}=={version}\n" for name, version in installed().items()]
    return "".join(["# The versions of the machine that made this zip.\n", *lines])


def _pyproject() -> str:
    wanted = needs()
    tables = []
    for group, points in wanted.entry_points.items():
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in points.items())
        tables.append(f'[project.entry-points."{group}"]\n{lines}')
    template = string.Template((_TEMPLATES / "pyproject.txt").read_text(encoding="utf-8"))
    return template.substitute(
        name=NAME,
        version=wanted.version,
        dependencies="".join(f"  {json.dumps(name)},\n" for name in wanted.packages),
        entry_points="\n".join(tables),
    )
