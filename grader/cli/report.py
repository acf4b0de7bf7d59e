"""The command report: results as web pages."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from grader.cli import output
from grader.report import pages
from grader.task.spec import discover, load_task

if TYPE_CHECKING:
    from grader.cli.commands import ReportOptions


def report(options: ReportOptions) -> None:
    """Write the results as HTML pages: a leaderboard, and feedback for each submission."""
    tasks = {task.id: task for task in [*discover(), *map(load_task, options.task_names or [])]}
    if options.public:
        written = pages.write_public(options.out, tasks)
    else:
        written = pages.write_report(options.out, tasks, output.counted, language=options.language)
    if options.as_json:
        output.print_json(
            {
                "index": str(written.index),
                "pages": [{**asdict(page), "path": str(page.path)} for page in written.pages],
            }
        )
        return
    output.say(f"report    {written.index}")
    if written.pages:
        folder = written.pages[0].path.parent
        output.say(f"feedback  {folder}{os.sep}  {len(written.pages)} pages, one for each submission")
