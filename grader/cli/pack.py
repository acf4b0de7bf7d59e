"""The command pack: the zip that is handed out to students."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output
from grader.cli.data_source import seed_of_draw, source_of
from grader.export import student_zip
from grader.lint import task as linting
from grader.task.spec import load_task

if TYPE_CHECKING:
    from grader.cli.commands import PackOptions

_LINT_SEEDS = 2  # data sets that are looked at before a task is packed, beside the one that is


def pack(options: PackOptions) -> None:
    """Lint the task without running anything; then make the zip, or exit with 1 where something is wrong."""
    task = load_task(options.task_name)
    seed = seed_of_draw(task, options.secret_file)
    if not options.as_json:
        output.say(f"looking at the notebooks and the data of {task.id}; this takes some seconds")
    with tempfile.TemporaryDirectory(prefix="grader-pack-") as scratch:
        subject = linting.read_subject(task)
        source = source_of(task, options.source, options.size)
        data = linting.build_task_data(
            task, Path(scratch), seeds=_LINT_SEEDS, source=source, size=options.size, seed=seed
        )
        findings = linting.lint_text(subject) + linting.lint_data(subject, data)
        wrong = [finding for finding in findings if not finding.ok]
        path = None if wrong else student_zip.pack(task, data.public, options.out, size=options.size)
    if options.as_json:
        output.print_json(
            {"out": str(path) if path else None, "wrong": [asdict(finding) for finding in wrong]}
        )
    elif path:
        for finding in findings:
            if finding.detail.startswith(linting.ALLOWED):
                output.warn(f"{finding.name}: {finding.detail}")
        output.say(f"wrote {path}")
        output.say("fill in the deadline in its README.md")
    else:
        output.show_findings(wrong)
        output.complain(f"{task.id} is not packed; fix what is wrong, then repeat the command")
    if wrong:
        raise typer.Exit(1)
