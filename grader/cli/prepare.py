"""The command prepare: the data folders of a task, and the zip of the public part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.cli.data_source import seed_of_draw, source_of
from grader.task import data
from grader.task.spec import load_task

if TYPE_CHECKING:
    from grader.cli.author_options import PrepareOptions


def prepare(options: PrepareOptions) -> None:
    """Build the data folders, and the zip of the public part that is handed out."""
    task = load_task(options.task_name)
    folder = options.out or Path("data") / task.id
    source = source_of(task, options.source, options.size)
    seed = seed_of_draw(task, options.secret_file, options.seed)
    manifest = data.prepare(task, folder, seed=seed, source=source, size=options.size)
    if options.as_json:
        output.print_json(manifest)
    else:
        output.show_manifest(folder, manifest)
