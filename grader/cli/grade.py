"""The commands that work on a gradebook: grade, results, regrade, rescore, replay."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli import output, progress
from grader.cli.options import (
    AsJson,
    Cold,
    Device,
    EngineName,
    Gpus,
    Jobs,
    Out,
    PerGpu,
    RayAddress,
    Repeats,
    Results,
    RosterFile,
    SecretFile,
    Shared,
    SizeName,
    Source,
    StudentId,
    Students,
    TaskName,
    TimeLimit,
    Unsafe,
    Verdicts,
)
from grader.cli.settings import check_machine, engine_for, hidden_data, local_engine, made, source_of
from grader.errors import UsageError, Verdict, instead
from grader.gradebook.run_settings import RunSettings
from grader.task.spec import DEFAULT_SIZE, load_task

if TYPE_CHECKING:
    from grader.gradebook.result import Result
    from grader.grading.batch import Job

INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended


def grade(
    task_name: TaskName,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...")],
    *,
    out: Out,
    repeats: Repeats = None,
    jobs: Jobs = None,
    time_limit: TimeLimit = None,
    device: Device = "auto",
    gpus: Gpus = None,
    per_gpu: PerGpu = 1,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    shared: Shared = None,
    secret_file: SecretFile = None,
    student_id: StudentId = None,
    roster: RosterFile = None,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    cold: Cold = False,
    unsafe: Unsafe = False,
    as_json: AsJson = False,
) -> None:
    """Grade notebooks, folders and zips of one task on hidden data; a call that was interrupted goes on."""
    from grader.grading.batch import Job  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.submissions.collect import collect, strangers  # noqa: PLC0415
    from grader.submissions.roster import Roster  # noqa: PLC0415

    task = load_task(task_name)
    settings = RunSettings(
        device, time_limit or task.size(size).wall_seconds, "plain" if unsafe else "bubblewrap", repeats or task.spec.repeats,
        source=source_of(task, source, size), size=size, cold=cold, secret_file=str(secret_file.resolve()) if secret_file else None,
    )  # fmt: skip
    chosen, workers = engine_for(
        jobs, gpus, per_gpu=per_gpu, engine=engine, address=ray_address, shared=shared
    )
    if engine == "local":
        check_machine(settings)
    rounds = hidden_data(task, made(out), settings)
    with tempfile.TemporaryDirectory(prefix="grader-intake-") as workdir:
        people = Roster.read(roster) if roster else None
        submissions = collect(paths, student_id, Path(workdir), people, out=out)
        unknown = strangers(submissions) if people else []
        if unknown:
            names = ", ".join(sorted({submission.student for submission in unknown}))
            output.warn(f"not in the roster: {names}")
        with closing(chosen):
            job = Job(task, submissions, rounds, settings, out, workers, engine=chosen)
            results = run(job, quiet=as_json)
    if as_json:
        output.print_json([result.as_json() for result in results])
    else:
        output.show_results(results, out)
    exit_for(results)


def results(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of results that `grader grade` made.")],
    *,
    leaderboard: Annotated[bool, typer.Option("--leaderboard", help="One row a student, by points.")] = False,
    history: Annotated[bool, typer.Option("--all", help="Every result ever recorded, oldest first.")] = False,
    verdict: Verdicts = None,
    student: Students = None,
    identical: Annotated[
        bool, typer.Option("--identical", help="Only programs that several handed in.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what a gradebook holds: the result of each submission that counts, or the leaderboard."""
    from grader.gradebook.gradebook import reading  # noqa: PLC0415 -- keeps `grader --help` quick

    with reading(out) as book:
        board = book.leaderboard()
        found = book.history() if history else book.current()
    known = {one.result.student for one in found}
    if unknown := set(student or []) - known:
        raise UsageError(f"{out} has no student {min(unknown)!r}; {instead(min(unknown), known)}")
    if leaderboard:
        if history or identical:
            raise UsageError("--all and --identical do not go with --leaderboard")
        rows = [row for row in board if _wanted(row["student"], row["verdict"], student, verdict)]
        output.print_json(rows) if as_json else output.show_leaderboard(rows)
        return
    counts: dict[tuple[str, str], int] = {}
    for one in found:
        counts[one.key.context, one.key.slot] = counts.get((one.key.context, one.key.slot), 0) + 1
    found = [
        one
        for one in found
        if _wanted(one.result.student, one.result.verdict, student, verdict)
        and (not identical or (one.key.slot and counts[one.key.context, one.key.slot] > 1))
    ]
    if as_json:
        rows = [one.result.as_json() | {"attempt": one.attempt, "recorded": one.recorded} for one in found]
        output.print_json(rows)
    else:
        output.show_recorded(found, times=history)


def regrade(
    task_name: TaskName,
    *,
    out: Results,
    verdict: Verdicts = None,
    student: Students = None,
    time_limit: TimeLimit = None,
    jobs: Jobs = None,
    gpus: Gpus = None,
    per_gpu: PerGpu = 1,
    engine: EngineName = "local",
    ray_address: RayAddress = None,
    shared: Shared = None,
    as_json: AsJson = False,
) -> None:
    """Run chosen submissions again, with the settings of the last grading unless others are given."""
    from grader.grading import rerun  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.grading.batch import Job  # noqa: PLC0415

    task = load_task(task_name)
    if not verdict and not student:
        raise UsageError("say which: --verdict or --student")
    settings = rerun.settings_of_last_grade(out, task)
    if time_limit:
        settings = replace(settings, wall_seconds=time_limit)
    submissions = rerun.chosen(out, task, verdicts=verdict or [], students=student or [])
    chosen, workers = engine_for(
        jobs,
        gpus,
        per_gpu=per_gpu,
        engine=engine,
        address=ray_address,
        shared=shared,
    )
    if engine == "local":
        check_machine(settings)
    rounds = hidden_data(task, out, settings)
    with closing(chosen):
        job = Job(
            task, submissions, rounds, settings, out, workers, command="regrade",
            again=True, engine=chosen,
        )  # fmt: skip
        results = run(job, quiet=as_json)
    if as_json:
        output.print_json([result.as_json() for result in results])
    else:
        output.show_results(results, out)
    exit_for(results)


def rescore(task_name: TaskName, *, out: Results, as_json: AsJson = False) -> None:
    """Give points under the score map that task.toml has now, from recorded balanced accuracies; runs nothing."""
    from grader.grading import rerun  # noqa: PLC0415 -- keeps `grader --help` quick

    changed = rerun.rescore(out, load_task(task_name))
    if as_json:
        output.print_json(
            [{"student": now.student, "before": was.points, "points": now.points} for was, now in changed]
        )
    else:
        for was, now in changed:
            output.say(f"{now.student}: {was.points} -> {now.points} points")
        output.say(f"{len(changed)} results have other points now")


def replay(
    task_name: TaskName,
    submission: Annotated[
        str, typer.Argument(metavar="SUBMISSION", help="A student, a submitted path or a run folder.")
    ],
    *,
    out: Results,
    as_json: AsJson = False,
) -> None:
    """Run a recorded submission once more and compare the predictions bit for bit; exit code 1 where they differ."""
    from grader.grading import rerun  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    recorded = rerun.find(out, submission)
    settings = rerun.settings_of(out, recorded)
    check_machine(settings)
    rounds = hidden_data(task, out, settings)
    with closing(local_engine()) as engine, progress.watcher(1, quiet=True) as watch:
        found = rerun.replay(recorded, task, rounds, settings, out=out, watcher=watch, engine=engine)
    if as_json:
        output.print_json(
            {
                "student": found.student, "identical": not found.different, "compared": found.compared,
                "different": found.different, "environment": found.environment, "run_folder": found.result.run_folder,
            }
        )  # fmt: skip
    else:
        output.show_replay(found)
    if found.different:
        raise typer.Exit(1)


def run(job: Job, *, quiet: bool) -> list[Result]:
    """Run a batch with its progress shown; Ctrl-C ends it with one line."""
    from grader.grading.batch import run_batch  # noqa: PLC0415 -- keeps `grader --help` quick

    try:
        with progress.watcher(len(job.submissions), quiet=quiet) as watch:
            return run_batch(job, watch)
    except KeyboardInterrupt:
        output.complain("stopped; what was recorded is kept, and the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None


def exit_for(results: list[Result]) -> None:
    """Exit with 3 where some result is a failure of ours."""
    if any(result.verdict is Verdict.GRADER_ERROR for result in results):
        raise typer.Exit(3)


def _wanted(student: str, verdict: str, students: list[str] | None, verdicts: list[Verdict] | None) -> bool:
    return (not students or student in students) and (not verdicts or verdict in verdicts)
