"""The command check for a file of predictions: its form, and its points where answers are public."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output, progress
from grader.cli.settings import local_engine, made
from grader.errors import StudentFault, UsageError
from grader.gradebook.run_settings import RunSettings
from grader.grading import rehearsal
from grader.grading.batch import Job, run_batch
from grader.task.file_check import check_file, read_expected
from grader.text import count

if TYPE_CHECKING:
    from grader.cli.commands import CheckOptions
    from grader.task.evaluation import Repeat
    from grader.task.files_table import FilesTable
    from grader.task.spec import Task


def check_predictions(options: CheckOptions, task: Task, files: FilesTable) -> None:
    """Show what is wrong with a file of predictions, or else its points on public answers.

    The exit code is 1 where something is wrong with it.
    """
    path = options.notebook
    if path.suffix.lower() != files.ending:
        raise UsageError(
            f"{path} is not what {task.id} asks for; check {files.name}, which your notebook writes"
        )
    if options.watch:
        raise UsageError(f"--watch is for notebooks; check {files.name} when your notebook has written it")
    data = rehearsal.submission_of(path).data or b""
    with tempfile.TemporaryDirectory(prefix="grader-check-") as scratch:
        (repeat,) = rehearsal.rounds(task, path, options.data, Path(scratch), repeats=1)
        expected = read_expected(repeat.answers)
        try:
            check_file(data, files, expected)
        except StudentFault as fault:
            _answer(options, {"verdict": str(fault.verdict), "message": fault.message})
            raise typer.Exit(1) from fault
        rows, scored = (
            sum(map(len, lists))
            for lists in zip(*((e.all, e.scored) for e in expected.values()), strict=True)
        )
        if scored and not options.quick:
            _rehearse(options, task, repeat, data)
            if not options.as_json:
                output.say(f"measured on the {count(scored, 'row')} of {rows} with public answers")
        else:
            sentence = (
                f"{files.name} has the form that is asked for: {count(rows, 'row')}, no points computed"
            )
            _answer(options, {"verdict": None, "message": sentence})


def _rehearse(options: CheckOptions, task: Task, repeat: Repeat, data: bytes) -> None:
    submission = rehearsal.submission_of(options.notebook, data)
    settings = RunSettings(wall_seconds=task.spec.limits.wall_seconds, repeats=1)
    with closing(local_engine()) as engine, progress.watcher(1, quiet=True) as watcher:
        job = Job(
            task, [submission], [repeat], settings, made(options.out), 1, command="check", again=True, engine=engine
        )  # fmt: skip
        (result,) = run_batch(job, watcher)
    if options.as_json:
        output.print_json(result.as_json())
    else:
        output.say(f"{result.verdict}: {result.message}")
        if result.metrics is not None:
            output.say(
                f"{result.points} points on the public data, {result.metrics.metric.name} {result.metrics.text}"
            )


def _answer(options: CheckOptions, answer: dict[str, str | None]) -> None:
    if options.as_json:
        output.print_json({"submission": str(options.notebook), **answer})
    else:
        verdict = f"{answer['verdict']}: " if answer["verdict"] else ""
        output.say(f"{verdict}{answer['message']}")
