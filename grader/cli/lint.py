"""The command lint: an author's mistakes in notebooks, data and runs of a task."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output, progress
from grader.lint import task as linting
from grader.task.spec import load_task

if TYPE_CHECKING:
    from grader.cli.author_options import LintOptions


def lint(options: LintOptions) -> None:
    """Look for an author's mistakes; exit code 1 where something is wrong."""
    task = load_task(options.task_name)
    quiet = options.as_json or not output.is_terminal()
    with (
        tempfile.TemporaryDirectory(prefix="grader-lint-") as scratch,
        progress.watcher(2, quiet=quiet) as watcher,
    ):
        findings = linting.lint(
            task, Path(scratch), quick=options.quick, seeds=options.seeds, watcher=watcher
        )
    if options.as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        output.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
