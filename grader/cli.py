"""The commands. Only this file prints, and only this file decides exit codes.

0: done, whatever the verdicts; 2: wrong usage or input of the caller; 3: some result is `grader_error`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from grader import display
from grader.errors import GraderFault, UsageError, Verdict
from grader.task import DEFAULT_SIZE, Task, discover, load_task

if TYPE_CHECKING:
    from grader.evaluation import Repeat
    from grader.grade import Settings
    from grader.intake import Submission
    from grader.result import Result
    from grader.sandbox import Backend

_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended

app = typer.Typer(
    help="Grade competition notebooks: the student's function runs in a sandbox of its own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="A task's id, or the path of its folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Device = Annotated[Literal["auto", "cuda", "cpu"], typer.Option(help="Where the trainer computes.")]
Repeats = Annotated[
    int | None, typer.Option(min=1, help="Complete evaluations to average. [default: the task's]")
]
TimeLimit = Annotated[
    float | None, typer.Option(min=1, help="Wall seconds for each repeat. [default: the task's]")
]
Cold = Annotated[bool, typer.Option("--cold", help="Start every trainer from nothing, for comparison.")]
Source = Annotated[
    str | None, typer.Option(help="embedded, npz:PATH or torchvision:NAME. [default: the task's]")
]
SizeName = Annotated[str, typer.Option("--size", help="A setting of the task: default, large ...")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="Submissions at a time.")]
SecretFile = Annotated[Path | None, typer.Option(help="[default: drawn once and kept in --out]")]
StudentId = Annotated[
    str | None, typer.Option(help="Regular expression on a submission's path; its group is the student.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Grade without a sandbox; results can then be forged.")
]
Out = Annotated[Path, typer.Option(help="Folder of results and run folders; kept and added to.")]
CheckOut = Annotated[Path, typer.Option(help="Where the executed notebooks are kept.")]
PublicData = Annotated[Path | None, typer.Option(help="The public data. [default: found or built]")]
DataOut = Annotated[Path | None, typer.Option(help="[default: data/TASK]")]
Seed = Annotated[int, typer.Option(help="Seed of everything random in the data.")]


@app.command()
def tasks(*, as_json: AsJson = False) -> None:
    """List the tasks with slot, limits and score map."""
    found = discover()
    if as_json:
        _print_json([{**task.spec.model_dump(), "id": task.id, "version": task.version} for task in found])
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
        _print_json({"stale": stale, "written": [str(path) for path in written]})
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
    manifest = preparing.prepare(task, folder, seed=seed, source=_source(task, source, size), size=size)
    if as_json:
        _print_json(manifest)
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
    from grader.doctor import confines  # noqa: PLC0415

    task = load_task(task_name or rehearse.task_of(notebook))
    confined = confines()
    if not confined:
        display.warn("no sandbox on this machine: your function runs in a plain process for this rehearsal")
    limit = time_limit or task.spec.limits.wall_seconds
    settings = _settings(device, limit, backend="bubblewrap" if confined else "plain")
    with tempfile.TemporaryDirectory(prefix="grader-check-") as scratch:
        submission = rehearse.submission_of(notebook)
        rounds = rehearse.rounds(task, notebook, data, Path(scratch), repeats=repeats or 1)
        quiet = as_json or not display.is_terminal()  # one result needs no log of its own
        (result,) = _run(task, [submission], rounds, settings, _made(out), warm=not cold, quiet=quiet)
    if as_json:
        _print_json(result.as_json())
    else:
        display.show_check(result)
    _exit_for([result])


@app.command()
def grade(
    task_name: TaskName,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
    *,
    out: Out,
    repeats: Repeats = None,
    jobs: Jobs = 1,
    time_limit: TimeLimit = None,
    device: Device = "auto",
    secret_file: SecretFile = None,
    student_id: StudentId = None,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    cold: Cold = False,
    unsafe: Unsafe = False,
    as_json: AsJson = False,
) -> None:
    """Grade notebooks, folders and zips of one task on hidden data."""
    from grader.doctor import confines  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.evaluation import prepare_repeats, secret_for  # noqa: PLC0415
    from grader.intake import collect  # noqa: PLC0415

    task = load_task(task_name)
    cores = os.cpu_count() or 1
    if jobs > cores:
        display.warn(f"{jobs} jobs share {cores} cores: runs get slower and may meet the time limit")
    if not unsafe and not confines():
        raise UsageError("no working sandbox here (see: grader doctor); --unsafe grades without one")
    limit = time_limit or task.size(size).wall_seconds
    settings = _settings(device, limit, backend="plain" if unsafe else "bubblewrap")
    with tempfile.TemporaryDirectory(prefix="grader-intake-") as workdir:
        submissions = collect(paths, student_id, Path(workdir))
        secret = secret_for(_made(out), secret_file)
        number, kind = repeats or task.spec.repeats, _source(task, source, size)
        rounds = prepare_repeats(task, secret, out / "evaluation", repeats=number, source=kind, size=size)
        results = _run(task, submissions, rounds, settings, out, jobs=jobs, warm=not cold, quiet=as_json)
    if as_json:
        _print_json([result.as_json() for result in results])
    else:
        display.show_results(results, out)
    _exit_for(results)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say whether this machine is fit to grade, and prove that the sandbox confines."""
    from grader.doctor import examine  # noqa: PLC0415 -- keeps `grader --help` quick

    if not as_json:
        display.say("looking at this machine; this takes some seconds")
    findings = examine()
    if as_json:
        _print_json([asdict(finding) for finding in findings])
    else:
        display.show_findings(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(2)


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


def _run(
    task: Task,
    submissions: list[Submission],
    rounds: list[Repeat],
    settings: Settings,
    out: Path,
    *,
    jobs: int = 1,
    warm: bool,
    quiet: bool,
) -> list[Result]:
    from grader.batch import Job, run_batch  # noqa: PLC0415 -- keeps `grader --help` quick

    job = Job(task, submissions, rounds, settings, out, min(jobs, len(submissions)), warm=warm)
    try:
        with display.watcher(len(submissions), quiet=quiet) as watch:
            return run_batch(job, watch)
    except KeyboardInterrupt:
        display.complain("stopped; what was recorded is kept")
        raise typer.Exit(_INTERRUPTED) from None


def _made(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be a folder of results: {error.strerror}") from error
    return out


def _chosen(names: list[str] | None) -> list[Task]:
    return [load_task(name) for name in names] if names else discover()


def _source(task: Task, given: str | None, size: str) -> str:
    from grader.evaluation import resolve_source  # noqa: PLC0415 -- keeps `grader --help` quick

    known = task.size(size).source
    return resolve_source(given, Path.cwd()) if given else resolve_source(known, task.folder)


def _settings(device: str, wall_seconds: float, *, backend: Backend) -> Settings:
    from grader.doctor import cuda_is_there  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.grade import Settings  # noqa: PLC0415

    if device == "cuda" and not cuda_is_there():
        raise UsageError("--device cuda: PyTorch finds no CUDA device here; use auto or cpu")
    return Settings(device, wall_seconds, backend)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def _exit_for(results: list[Result]) -> None:
    if any(result.verdict is Verdict.GRADER_ERROR for result in results):
        raise typer.Exit(3)
