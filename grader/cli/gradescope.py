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

_SECRET_BYTES = 32


def gradescope(options: GradescopeOptions) -> None:
    """Make the zip, and say what to enter in Gradescope."""
    task = load_task(options.task_name)
    if not task.spec.runs_code:
        raise UsageError(
            f"{task.id} is a task of files; download what was handed in, and grade it: grader grade"
        )
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
    given = options.secret_file
    if given:
        refuse_weak_secret(given)
    secret = secret_for(Path(), given) if given else secrets.token_hex(_SECRET_BYTES).encode()
    write_autograder(task, assignment, secret, options.out)
    minutes = math.ceil((assignment.repeats * assignment.wall_seconds + 60) / 60)
    if options.as_json:
        output.print_json({"out": str(options.out), "timeout_minutes": minutes, **assignment.as_json()})
        return
    output.say(f"wrote {options.out}")
    output.say(
        f"in Gradescope: {options.points:g} autograder points, a timeout of at least {minutes} minutes"
    )
    output.say(
        "it holds the secret of the hidden data and the reference solution: for the staff of the course only"
    )
    if options.unsafe:
        output.warn("--unsafe: students' code can read all of that there, and write its own points")
