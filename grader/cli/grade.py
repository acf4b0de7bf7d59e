"""The commands that run submissions and record what comes of it: grade, regrade, replay."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from grader.cli import output, progress
from grader.cli.agreement import confirmed_agreement
from grader.cli.data_source import source_of
from grader.cli.errors import INTERRUPTED
from grader.cli.settings import check_machine, engine_for, hidden_data, local_engine, made
from grader.errors import UsageError, Verdict
from grader.gradebook.gradebook import reading, writing
from grader.gradebook.late import LateRule
from grader.gradebook.run_settings import RunSettings
from grader.grading import rerun
from grader.grading.batch import Job, run_batch, write_csv
from grader.grading.file_predictions import wanted_of
from grader.submissions.collect import Submission, collect, strangers, take_times
from grader.submissions.roster import Roster
from grader.task.spec import load_task, tasks_folder
from grader.task.starter import load_starter
from grader.task.strategies import is_slot_file, notebook_of_slot
from grader.text import count, listed

if TYPE_CHECKING:
    from grader.cli.commands import GradeOptions, RegradeOptions, ReplayOptions
    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Result
    from grader.task.spec import Task


NO_DEADLINE = "none"


def grade(options: GradeOptions) -> None:
    """Grade submissions of one task on hidden data; a call that was interrupted goes on."""
    task, out = load_task(options.task_name), options.out
    if options.require_agreement and options.no_agreement:
        raise UsageError("--require-agreement and --no-agreement exclude each other")
    rule = _late_rule(options, task)
    settings = RunSettings(
        options.device,
        options.time_limit or task.size(options.size).wall_seconds,
        "plain" if options.unsafe else options.walls,
        options.repeats or task.spec.repeats,
        source=source_of(task, options.source, options.size),
        size=options.size,
        cold=options.cold,
        secret_file=str(options.secret_file.resolve()) if options.secret_file else None,
        seed_version=rerun.seed_version_of(out, task),
    )
    engine, workers = engine_for(options, [task])
    if options.engine == "local":
        check_machine(settings, task)
    if not task.spec.runs_code and task.folder.parent == tasks_folder() and options.secret_file is None:
        output.warn(
            f"everybody who has {task.id} can build its answers; pack and grade it with the same --secret-file"
        )
    repeats = hidden_data(task, made(out), settings)
    if options.deadline == NO_DEADLINE:
        with writing(out) as book:
            book.set_late_rule(task.id, None)
    with tempfile.TemporaryDirectory(prefix="grader-intake-") as workdir:
        people = Roster.read(options.roster, output.warn) if options.roster else None
        slots = [path for path in options.paths if is_slot_file(path) and task.spec.runs_code]
        paths = [path for path in options.paths if path not in slots]
        submissions = collect(
            paths,
            options.student_id,
            Path(workdir),
            people,
            out=out,
            on_note=output.warn,
            wanted=wanted_of(task),
        )
        if people and (unread := take_times(submissions, people, rule.deadline.tzinfo if rule else None)):
            output.warn(
                f"{options.roster}: no times that can be read: {listed(unread)}; write them as 2026-11-30T23:59+01:00"
            )
        unknown = strangers(submissions) if people else []
        if unknown:
            names = ", ".join(sorted({submission.student for submission in unknown}))
            output.warn(f"not in the roster: {names}")
        submissions += _slot_files(slots, task)
        with closing(engine), confirmed_agreement(options, task, settings, engine, jobs=workers):
            job = Job(
                task,
                submissions,
                repeats,
                settings,
                out,
                workers,
                engine=engine,
                roster=people,
                late_rule=rule,
            )
            results = run(job, quiet=options.as_json)
    if options.earlier:
        carry_over(task.id, options.earlier, out)
    _answer(results, options)
    _note_late(task.id, out)
    if people:
        _note_absences(task.id, out)
    exit_for(results)


def _slot_files(slots: list[Path], task: Task) -> list[Submission]:
    """Return a submission for each path of a file with a slot's code, as authors keep them."""
    starter = load_starter(task) if slots else {}
    return [Submission(str(path), path.stem, notebook_of_slot(path, starter)) for path in slots]


def regrade(options: RegradeOptions) -> None:
    """Run chosen submissions again, with the settings of the last grading unless others are given."""
    task, out = load_task(options.task_name), options.out
    if not options.verdict and not options.student:
        raise UsageError("choose submissions with --verdict or --student")
    settings = rerun.settings_of_last_grade(out, task)
    if options.time_limit:
        settings = replace(settings, wall_seconds=options.time_limit)
    submissions = rerun.chosen(out, task, verdicts=options.verdict or [], students=options.student or [])
    engine, workers = engine_for(options, [task])
    if options.engine == "local":
        check_machine(settings, task)
    repeats = hidden_data(task, out, settings)
    with closing(engine):
        job = Job(
            task, submissions, repeats, settings, out, workers, command="regrade", again=True, engine=engine
        )
        results = run(job, quiet=options.as_json)
    _answer(results, options)
    exit_for(results)


def replay(options: ReplayOptions) -> None:
    """Run a recorded submission once more and compare bit for bit; exit code 1 where predictions differ."""
    task = load_task(options.task_name)
    comparison = replayed(options.out, task, rerun.find(options.out, options.submission))
    if options.as_json:
        output.print_json(
            {
                "student": comparison.student,
                "identical": not comparison.different,
                "compared": comparison.compared,
                "different": comparison.different,
                "environment": comparison.environment,
                "run_folder": comparison.result.run_folder,
            }
        )
    else:
        output.show_replay(comparison)
    if comparison.different:
        raise typer.Exit(1)


def replayed(out: Path, task: Task, recorded: Recorded) -> rerun.Replay:
    """Run what was recorded once more, and compare. Raises UsageError where that cannot be done here."""
    settings = rerun.settings_of(out, recorded)
    check_machine(settings, task)
    repeats = hidden_data(task, out, settings)
    with closing(local_engine()) as engine, progress.watcher(1, quiet=True) as watcher:
        return rerun.replay(recorded, task, repeats, settings, out=out, watcher=watcher, engine=engine)


def run(job: Job, *, quiet: bool) -> list[Result]:
    """Run a batch with its progress shown; Ctrl-C ends it with one line."""
    try:
        with progress.watcher(len(job.submissions), quiet=quiet) as watcher:
            return run_batch(job, watcher)
    except KeyboardInterrupt:
        output.complain("stopped; recorded results are kept, and the same command goes on from here")
        raise typer.Exit(INTERRUPTED) from None


def exit_for(results: list[Result]) -> None:
    """Exit with 3 where some result is a failure of ours."""
    if any(result.verdict is Verdict.GRADER_ERROR for result in results):
        raise typer.Exit(3)


def _answer(results: list[Result], options: GradeOptions | RegradeOptions) -> None:
    task_name, out = options.task_name, options.out
    with reading(out) as book:
        board, current = book.leaderboard(), book.current()
    worth = output.credits_by_file(board, current)
    if options.as_json:
        output.print_json([output.result_json(result, worth) for result in results])
    else:
        output.show_results(results, {row["student"]: row["name"] for row in board}, worth)
        output.say(f"{output.summary(results)}; recorded in {out}")
        output.say(f"next: {_next_command(task_name, out, results)}")


def _late_rule(options: GradeOptions, task: Task) -> LateRule | None:
    """Return the rule that the caller gives, or else that of the earlier round. Raises UsageError where it is none."""
    if options.deadline in (None, NO_DEADLINE) and options.late is not None:
        raise UsageError("--late goes with --deadline")
    if options.deadline is None and options.earlier:
        with reading(options.earlier) as book:
            return book.late_rule(task.id)
    if options.deadline in (None, NO_DEADLINE):
        return None
    return LateRule.parse(options.deadline, options.late or "mark")


def carry_over(task: str, earlier: Path, out: Path) -> None:
    """Let points that were adjusted in an earlier round count in this one, where nothing was decided in it."""
    with reading(earlier) as book:
        decisions = book.adjusted(task)
    with writing(out) as book:
        undecided = book.students(task) - set(book.adjusted(task))
        carried = [
            decision
            for student, decision in decisions.items()
            if student in undecided and decision.points is not None
        ]
        for decision in carried:
            book.adjust(decision)
    if carried:
        write_csv(out)
        output.warn(f"adjusted as in {earlier}: {listed([decision.student for decision in carried])}")


def _note_absences(task: str, out: Path) -> None:
    """Note who of the roster handed in nothing for a task."""
    with reading(out) as book:
        absence = book.absences()[task]
    for line in output.absence_lines({task: absence}):
        output.warn(line)


def _note_late(task: str, out: Path) -> None:
    """Note who was late by the deadline of a task, and whose time is unknown."""
    with reading(out) as book:
        rule, undated = book.late_rule(task), book.undated(task)
        late = {
            entry.result.student for entry in book.current() if entry.days_late and entry.result.task == task
        }
    if rule is None:
        return
    output.warn(f"{rule.text}. Late: {listed(sorted(late), output.LISTED) if late else 'nobody'}")
    if undated:
        output.warn(
            f"no learning platform recorded when {count(len(undated), 'student')} submitted, so they count as in time: "
            f"{listed(undated, output.LISTED)}"
        )


def _next_command(task_name: str, out: Path, results: list[Result]) -> str:
    if any(result.verdict is Verdict.GRADER_ERROR for result in results):
        return f"grader regrade {task_name} --out {out} --verdict {Verdict.GRADER_ERROR}"
    return f"grader report {out}"
