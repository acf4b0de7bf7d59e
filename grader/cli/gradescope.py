"""The command gradescope: the zip with which Gradescope grades a task by itself."""

from __future__ import annotations

import math
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.cli.data_source import source_of
from grader.errors import UsageError
from grader.export.gradescope import Assignment
from grader.export.gradescope_zip import write_autograder
from grader.task.secret import refuse_weak_secret, secret_for
from grader.task.spec import load_task

if TYPE_CHECKING:
    from grader.cli.commands import GradescopeOptions
    from grader.task.spec import Task

_SECRET_BYTES = 32


def gradescope(options: GradescopeOptions) -> None:
    """Make the zip, and say what to enter in Gradescope."""
    task = load_task(options.task_name)
    if not task.spec.runs_code and options.repeats not in (None, 1):
        raise UsageError(f"{task.id} is a task of files, which has one evaluation; call it without --repeats")
    assignment = Assignment(
        task=task.id,
        repeats=options.repeats or task.spec.repeats,
        wall_seconds=options.time_limit or task.size(options.size).wall_seconds,
        source=source_of(task, options.source, options.size),
        size=options.size,
        points=options.points,
        visibility=options.visibility,
        unsafe=options.unsafe,
    )
    write_autograder(task, assignment, _secret(options, task), options.out)
    minutes = math.ceil((assignment.repeats * assignment.wall_seconds + 60) / 60)
    if options.as_json:
        output.print_json({"out": str(options.out), "timeout_minutes": minutes, **assignment.as_json()})
        return
    output.say(f"wrote {options.out}")
    output.say(
        f"in Gradescope: {options.points:g} autograder points, a timeout of at least {minutes} minutes"
    )
    secret = (
        "the answers"
        if options.secret_file is None and not task.spec.runs_code
        else "the secret of the hidden data"
    )
    output.say(f"it holds {secret} and the reference solution: for the staff of the course only")
    if options.unsafe and task.spec.runs_code:
        output.warn("--unsafe: students' code can read all of that there, and write its own points")


def _secret(options: GradescopeOptions, task: Task) -> bytes:
    """Return the secret of the zip; a task of files has none, as its pack, unless one is named."""
    if options.secret_file:
        refuse_weak_secret(options.secret_file)
        return secret_for(Path(), options.secret_file)
    return secrets.token_hex(_SECRET_BYTES).encode() if task.spec.runs_code else b""
