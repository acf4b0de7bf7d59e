"""The command final: the attempt of each student that counts, graded once more under a new secret, with sure and unsure places.

Nothing runs in a task of files, and what was handed in belongs to one draw of the data: it is measured once more, and rows are
drawn in place of seeds.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from grader.cli import output
from grader.cli.chosen import task_named
from grader.cli.console import one_line
from grader.cli.console import out as console
from grader.cli.grade import carry_over, exit_for, run
from grader.cli.settings import check_machine, hidden_data, local_engine, made, program_cards
from grader.cli.tables import TableColumn, table
from grader.errors import UsageError, instead
from grader.gradebook.gradebook import reading, writing
from grader.grading.batch import Job
from grader.grading.final import (
    check_answers,
    counting_submissions,
    drawn_values,
    entrants_of,
    final_settings,
    settings_of_answers,
)
from grader.grading.places import groups_within_noise, placements
from grader.grading.rerun import settings_of_last_grade
from grader.task.secret import kept_secret, secret_for
from grader.task.spec import FINAL_SIZE
from grader.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.cli.commands import FinalOptions
    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.engine import Engine
    from grader.grading.places import Placement
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

_MOST = 4  # times the repeats, for neighbours within noise of each other


def final(options: FinalOptions) -> None:
    """Grade the attempts that count once more, neighbours within noise on more seeds, and print the places."""
    task = _task_of(options)
    out = options.out or options.folder / "final"
    programs = program_cards([task], allow_gpu=options.allow_gpu)
    with closing(local_engine(programs=programs)) as engine:
        job = _job_for_everybody(options, task, out, engine)
        results = _grade_everybody(options, job)
        groups = _grade_groups(options, job) if task.spec.runs_code else []
    drawn = None if task.spec.runs_code else drawn_values(out, task, job.repeats[0].answers)
    places = placements(entrants_of(out, task), task.spec.score, drawn)
    with reading(out) as book:
        names = {row["student"]: row["name"] for row in book.leaderboard()}
    if options.as_json:
        output.print_json({"places": [asdict(place) for place in places], "groups": groups})
    else:
        _show(places, names, task)
        output.say(f"recorded in {out}; next: grader report {out}")
    exit_for(results)


def _job_for_everybody(options: FinalOptions, task: Task, out: Path, engine: Engine) -> Job:
    """Return the attempt of each student that counts as what to grade, on the same data, with the deadline that held."""
    earlier = options.folder
    settings, repeats = (_on_new_seeds if task.spec.runs_code else _on_answers)(options, task, out)
    submissions, lost = counting_submissions(earlier, task)
    if lost:
        output.warn(f"no file was kept, so they are not in the final round: {listed(lost, output.LISTED)}")
    with reading(earlier) as book:
        rule = book.late_rule(task.id)
    return Job(task, submissions, repeats, settings, out, options.jobs, engine=engine, late_rule=rule)


def _on_new_seeds(options: FinalOptions, task: Task, out: Path) -> tuple[RunSettings, list[Repeat]]:
    """Return settings and data under the new secret. Raises UsageError where it or the numbers of repeats will not do."""
    if options.secret_file is None:
        raise UsageError("a final round needs a secret that no earlier round had: --secret-file")
    _refuse_known_secret(options, task, options.secret_file)
    settings = final_settings(options.folder, task, options.secret_file, options.repeats)
    if settings.repeats < 2 or _most(options, settings.repeats) < settings.repeats:
        raise UsageError("--repeats must be 2 at least, and --most-repeats not below it")
    check_machine(settings, task)
    return settings, hidden_data(task, made(out), settings)


def _on_answers(options: FinalOptions, task: Task, out: Path) -> tuple[RunSettings, list[Repeat]]:
    """Return settings and answers of a task of files: those of before, or those of its size `final`, if it has one.

    Raises UsageError where answers are not those of before, or repeats are asked for.
    """
    if options.repeats or options.most_repeats:
        raise UsageError(
            f"{task.id} is a task of files, which has one evaluation; call it without --repeats and --most-repeats"
        )
    settings = settings_of_answers(options.folder, task, options.secret_file)
    repeats = hidden_data(task, options.folder, settings)
    check_answers(options.folder, task, repeats)
    made(out)
    if FINAL_SIZE not in task.spec.sizes:
        return settings, repeats
    settings = replace(settings, size=FINAL_SIZE, source=None)
    return settings, hidden_data(task, out, settings)


def _grade_everybody(options: FinalOptions, job: Job) -> list[Result]:
    """Grade what counts; names and adjusted points go with it."""
    with reading(options.folder) as book:
        people = [(row["student"], row["name"], row["email"], row["section"]) for row in book.leaderboard()]
    results = run(job, quiet=options.as_json)
    with writing(job.out) as book:
        book.enrol(people)
    carry_over(job.task.id, options.folder, job.out)
    return results


def _grade_groups(options: FinalOptions, job: Job) -> list[list[str]]:
    """Grade all of each group of neighbours within noise on more seeds, the same ones; return the groups."""
    task, out, few = job.task, job.out, job.settings.repeats
    entrants = [replace(entrant, values=entrant.values[:few]) for entrant in entrants_of(out, task)]
    groups = groups_within_noise(entrants, task.spec.score)
    members = {student for group in groups for student in group}
    most = _most(options, few)
    if members and most > few:
        if not options.as_json:
            output.say(f"within noise of a neighbour, now on {most} seeds: {count(len(members), 'student')}")
        settings = replace(job.settings, repeats=most)
        chosen = [submission for submission in job.submissions if submission.student in members]
        repeats = hidden_data(task, out, settings)
        more = replace(
            job, submissions=chosen, repeats=repeats, settings=settings, command="final", late_rule=None
        )
        run(more, quiet=options.as_json)
    return groups


def _most(options: FinalOptions, repeats: int) -> int:
    return options.most_repeats or _MOST * repeats


def _task_of(options: FinalOptions) -> Task:
    """Return the task whose results are meant. Raises UsageError where there are several, or its folder is not known."""
    with reading(options.folder) as book:
        names = sorted({row["task"] for row in book.leaderboard()})
    if options.task is not None and options.task not in names:
        raise UsageError(
            f"{options.folder} has no results of {options.task!r}; {instead(options.task, names)}"
        )
    if options.task is None and len(names) != 1:
        raise UsageError(
            f"{options.folder} has results of {count(len(names), 'task')}; choose one: --task {' or '.join(names)}"
        )
    name = options.task or names[0]
    task = task_named(name, options.task_folder)
    if task is None:
        raise UsageError(f"the folder of the task {name} is not known; give it with --task-folder")
    return task


def _refuse_known_secret(options: FinalOptions, task: Task, secret_file: Path) -> None:
    """Raise UsageError where the secret is that of the earlier results: feedback and prints may have told its data."""
    then = settings_of_last_grade(options.folder, task).secret_file
    known = kept_secret(options.folder, Path(then) if then else None)
    if secret_for(options.folder, secret_file) == known:
        raise UsageError(
            f"the secret {secret_file} is that of {options.folder}; a final round needs a new one"
        )


def _show(places: Sequence[Placement], names: Mapping[str, str], task: Task) -> None:
    metric = task.metric
    swaps = ["" if place.swap is None else f"{100 * place.swap:.0f} %" for place in places]
    values = ["" if place.value is None else f"{place.value:.{metric.digits + 1}f}" for place in places]
    ranges = [
        f"{place.best}-{place.worst}" if place.best < place.worst else str(place.best) for place in places
    ]
    columns = [
        TableColumn("rank", [Text(str(place.rank)) for place in places], right=True),
        TableColumn("student", [one_line(place.student) for place in places], folds=True),
        TableColumn("name", [one_line(names.get(place.student, "")) for place in places], folds=True),
        TableColumn("points", [Text("-" if p.points is None else str(p.points)) for p in places], right=True),
        TableColumn(metric.heading, [Text(text) for text in values]),
        TableColumn("ranks", [Text(text) for text in ranges]),
        TableColumn("swap", [Text(text) for text in swaps], right=True),
    ]
    if task.spec.runs_code:
        columns.insert(
            5, TableColumn("seeds", [Text(str(place.seeds or "")) for place in places], right=True)
        )
    console.print(table(columns, console.width))
    drawn = "other seeds" if task.spec.runs_code else "the rows, with replacement"
    output.say(
        f"ranks: those of 95 % of the draws of {drawn}. swap: the chance to change places with the next one."
    )
