"""The command bands: what typical answers of a task get, and a score map that sets them apart."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from grader.cli import output, progress
from grader.cli.console import out as console
from grader.cli.data_source import source_of
from grader.cli.grade import run
from grader.cli.settings import check_machine, local_engine, made, program_cards
from grader.cli.tables import TableColumn, table
from grader.errors import UsageError
from grader.files import WRITTEN, write_atomic
from grader.gradebook.run_settings import RunSettings
from grader.grading.agreement import ANSWERS
from grader.grading.bands import (
    bands_of,
    fall_of,
    problems_of,
    record_of,
    stability_of,
    suggest_map,
    with_speed,
)
from grader.grading.bands_file import read_bands
from grader.grading.batch import Job
from grader.grading.file_strategies import grade_strategies
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.spec import DEFAULT_SIZE, load_task
from grader.task.strategies import strategies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.cli.author_options import BandsOptions
    from grader.gradebook.result import Result
    from grader.grading.bands import Band, MapSuggestion
    from grader.task.spec import Spec, Task
    from grader.task.strategies import Strategy

_SPEED_SEEDS = 2


def bands(options: BandsOptions) -> None:
    """Grade starter, reference and every strategy of a task over fresh seeds, and record what they get."""
    task = load_task(options.task_name)
    record = options.record or (Path() if task.is_installed else task.folder) / "bands.json"
    _check_writable(record)  # known before hours have gone
    if options.speed:
        _measure_speed(options, task, record)
        return
    answers = strategies(task)
    results = _graded(options, task, answers)
    measured = bands_of(results, answers, task)
    content = record_of(task, measured, seeds=options.seeds, secret=options.secret, device=results[0].device)
    _write(content, record)
    suggestion = suggest_map(measured, task.metric)
    if options.as_json:
        output.print_json(content)
    else:
        _show_answers(measured, task.spec)
        if not task.spec.score.parts:  # parts have maps of their own
            _show_suggestion(suggestion)
        output.say(f"recorded in {record}; executed notebooks: {options.out / task.id}")


def _measure_speed(options: BandsOptions, task: Task, record: Path) -> None:
    """Write into a record the processor seconds that starter and reference take on this machine."""
    if not task.spec.runs_code:
        raise UsageError(
            f"{task.id} is a task of files: nothing of it runs, so there are no seconds to measure"
        )
    content = read_bands(record)
    answers = [answer for answer in strategies(task) if answer.name in ANSWERS]
    measured = bands_of(_graded(replace(options, seeds=_SPEED_SEEDS), task, answers), answers, task)
    content = with_speed(content, measured)
    _write(content, record)
    if options.as_json:
        output.print_json(content)
    else:
        seconds = ", ".join(f"{name} {band.processor_seconds:g} s" for name, band in measured.items())
        output.say(f"recorded in {record}: {seconds} of a processor for a run")


def _graded(options: BandsOptions, task: Task, answers: Sequence[Strategy]) -> list[Result]:
    """Return the results of answers, each graded like a submission, on the seeds of the options."""
    settings = RunSettings(wall_seconds=task.spec.limits.wall_seconds, repeats=options.seeds)
    check_machine(settings, task)
    out = made(options.out / task.id)
    repeats = prepare_repeats(
        task,
        options.secret.encode(),
        out / "evaluation",
        repeats=options.seeds,
        source=source_of(task, None, DEFAULT_SIZE),
    )
    submissions = [Submission(answer.name, answer.name, answer.notebook) for answer in answers]
    programs = program_cards([task], allow_gpu=options.allow_gpu)
    with closing(local_engine(programs=programs)) as engine:
        job = Job(task, submissions, repeats, settings, out, options.jobs, command="bands", engine=engine)
        if task.spec.runs_code:
            return run(job, quiet=options.as_json)
        with progress.watcher(len(answers) * len(repeats), quiet=options.as_json) as watcher:
            return grade_strategies(job, answers, watcher)


def _write(content: dict[str, Any], record: Path) -> None:
    write_atomic(record, (json.dumps(content, indent=2) + "\n").encode())


def _check_writable(record: Path) -> None:
    if not record.parent.is_dir() or not os.access(record if record.exists() else record.parent, os.W_OK):
        raise UsageError(f"{record} {WRITTEN}; choose another file with --record")


def _show_answers(measured: Mapping[str, Band], spec: Spec) -> None:
    """Print what each answer got and how far chance moves it, the best first, and what moves too far."""
    metric = spec.measured
    rows = sorted(measured.items(), key=lambda row: -metric.merit(row[1].value.mean))
    measurements = [band.value for _, band in rows]
    stability = stability_of(measured, spec)
    spread = [stability[name] for name, _ in rows]
    columns = [
        TableColumn("answer", [Text(name) for name, _ in rows], folds=True),
        TableColumn("role", [Text(band.role) for _, band in rows]),
        TableColumn(
            metric.heading,
            [Text(f"{metric.text(values.mean)} ± {metric.text(values.sd)}") for values in measurements],
        ),
        TableColumn(
            "points",
            [
                Text(f"{band.points} ± {row.standard_error:.1f}", "bold")
                for (_, band), row in zip(rows, spread, strict=True)
            ],
            right=True,
        ),
        TableColumn(
            "to reference",
            [Text(f"{row.difference:+.0f} ± {row.difference_error:.1f}") for row in spread],
            right=True,
        ),
        TableColumn("wins", [Text(str(row.wins)) for row in spread], right=True),
        TableColumn(
            "seconds",
            [Text(f"{band.processor_seconds or band.seconds_per_seed:.1f}") for _, band in rows],
            right=True,
        ),
    ]
    console.print(table(columns, console.width))
    _explain(measured["reference"], spec)
    for problem in problems_of(measured, spec):
        output.warn(problem)


def _explain(reference: Band, spec: Spec) -> None:
    """Print what the columns of the answers mean."""
    seeds, fall = len(reference.value.per_seed), fall_of(reference, spec)
    metric = spec.measured
    output.say(f"{metric.heading}: {metric.name} of single runs, mean ± SD over seeds. points: of the mean,")
    output.say(
        f"± standard error with {spec.repeats} repeats. to reference: difference in points on equal seeds."
    )
    clock = "of a processor" if reference.processor_seconds else "by the clock"
    output.say(
        f"wins: seeds, of {seeds}, on which the reference lost to the answer. seconds: of a run, {clock}."
    )
    output.say(
        f"1 of 100 groups of {spec.repeats} runs of the reference lies {fall} points or more below its mean."
    )


def _show_suggestion(suggestion: MapSuggestion | None) -> None:
    """Print the suggested score map, and what it cannot set right."""
    if suggestion is None:
        output.say("no score map can set the reference apart from the starter: they get about the same")
        return
    output.say(
        f"suggestion for task.toml: floor = {suggestion.floor:g}, ceiling = {suggestion.ceiling:g} "
        f"(starter {suggestion.starter}, best trick {suggestion.trick}, reference {suggestion.reference} points)"
    )
    for problem in suggestion.problems:
        output.warn(problem)
