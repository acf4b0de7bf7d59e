"""The command that shows results to people: report."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader.cli import completion, output
from grader.cli.options import AsJson
from grader.task.spec import discover, load_task


def report(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of results that `grader grade` made.")],
    *,
    public: Annotated[
        bool, typer.Option("--public", help="For everybody: pseudonyms and points, no programs.")
    ] = False,
    task_names: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            help="A task's folder, where `grader tasks` does not list it; may be repeated.",
            autocompletion=completion.task_ids,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the results as HTML pages: a leaderboard, and feedback for each submission."""
    from grader.report import pages  # noqa: PLC0415 -- keeps `grader --help` quick

    tasks = {task.id: task for task in [*discover(), *map(load_task, task_names or [])]}
    written = pages.write_public(out, tasks) if public else pages.write_report(out, tasks, output.counted)
    if as_json:
        output.print_json(
            {
                "index": str(written.index),
                "pages": [{**asdict(page), "path": str(page.path)} for page in written.pages],
            }
        )
        return
    output.say(f"report    {written.index}")
    if written.pages:
        output.say(
            f"feedback  {written.pages[0].path.parent}{os.sep}  {len(written.pages)} pages, one for each submission"
        )
