"""The commands. Only the files of commands print, and only they decide exit codes.

0: done, whatever the verdicts; 2: wrong usage or input of the caller; 3: some result is `grader_error`.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from grader import display, engines, grading, reporting
from grader.errors import GraderFault, UsageError
from grader.options import (
    AsJson,
    CheckOut,
    Cold,
    DataOut,
    Device,
    PublicData,
    Repeats,
    Seed,
    SizeName,
    Source,
    TaskName,
    TimeLimit,
)
from grader.task import DEFAULT_SIZE, Task, discover, load_task

app = typer.Typer(
    help="Grade competition notebooks: the student's function runs in a sandbox of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def tasks(*, as_json: AsJson = False) -> None:
    """List the tasks with slot, limits and score map."""
    found = discover()
    if as_json:
        display.print_json(
            [{**task.spec.model_dump(), "id": task.id, "version": task.version} for task in found]
        )
    else:
        display.show_tasks(found)


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="[TASK]...")] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is out of step.")] = False,
    as_json: AsJson = False,
) -> None:
    """Generate the starter and solution notebooks from the author's notebook."""
    from grader import build as builder  # noqa: PLC0415 -- jupytext is only needed here

    stale: list[str] = []
    written: list[Path] = []
    for task in _chosen(names):
        if check:
            stale += builder.check(task)
        else:
            written += builder.write(task)
    if as_json:
        display.print_json({"stale": stale, "written": [str(path) for path in written]})
    for path in [] if as_json else written:
        display.say(f"wrote {path}")
    if stale:
        raise UsageError("; ".join(stale))
    if not as_json and not written:
        display.say("every notebook is in step with its source")


@app.command()
def prepare(
    task_name: TaskName,
    *,
    seed: Seed = 0,
    out: DataOut = None,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    as_json: AsJson = False,
) -> None:
    """Build the data folders, and the zip of the public part that is handed out."""
    from grader import prepare as preparing  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    folder = out or Path("data") / task.id
    manifest = preparing.prepare(
        task, folder, seed=seed, source=engines.source_of(task, source, size), size=size
    )
    if as_json:
        display.print_json(manifest)
    else:
        display.show_manifest(folder, manifest)


@app.command()
def check(
    notebook: Path,
    *,
    task_name: Annotated[str | None, typer.Option("--task", help="[default: what the notebook says]")] = None,
    repeats: Repeats = 1,
    time_limit: TimeLimit = None,
    device: Device = "auto",
    data: PublicData = None,
    out: CheckOut = Path("check_runs"),
    cold: Cold = False,
    as_json: AsJson = False,
) -> None:
    """Rehearse the grading of one notebook on the public data."""
    from grader import rehearse  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.batch import Job  # noqa: PLC0415
    from grader.doctor import confines  # noqa: PLC0415

    task = load_task(task_name or rehearse.task_of(notebook))
    confined = confines()
    if not confined:
        display.warn("no sandbox on this machine: your function runs in a plain process for this rehearsal")
    limit = time_limit or task.spec.limits.wall_seconds
    settings = engines.settings_for(device, limit, backend="bubblewrap" if confined else "plain")
    with tempfile.TemporaryDirectory(prefix="grader-check-") as scratch:
        submission = rehearse.submission_of(notebook)
        rounds = rehearse.rounds(task, notebook, data, Path(scratch), repeats=repeats or 1)
        # The data are the same each time, and so would be the result: a rehearsal is run all the same.
        job = Job(
            task,
            [submission],
            rounds,
            settings,
            engines.made(out),
            1,
            warm=not cold,
            command="check",
            again=True,
        )
        quiet = as_json or not display.is_terminal()  # one result needs no log of its own
        (result,) = grading.run(job, quiet=quiet)
    if as_json:
        display.print_json(result.as_json())
    else:
        display.show_check(result)
    grading.exit_for([result])


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say whether this machine is fit to grade, and prove that the sandbox confines."""
    from grader.doctor import examine  # noqa: PLC0415 -- keeps `grader --help` quick

    if not as_json:
        display.say("looking at this machine; this takes some seconds")
    findings = examine()
    if as_json:
        display.print_json([asdict(finding) for finding in findings])
    else:
        display.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(2)


for _command in (
    grading.grade,
    grading.results,
    grading.regrade,
    grading.rescore,
    grading.replay,
    reporting.report,
):
    app.command()(_command)


def main() -> None:
    """Run a command; an error of the caller is one line on standard error, and SIGTERM is as good as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except UsageError as error:
        display.complain(str(error))
        sys.exit(2)
    except GraderFault as fault:
        display.complain(str(fault))
        sys.exit(3)


def _chosen(names: list[str] | None) -> list[Task]:
    return [load_task(name) for name in names] if names else discover()
