"""The command final: the attempt of each student that counts, graded once more under a new secret, with sure and unsure places."""

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
from grader.cli.settings import check_machine, hidden_data, local_engine, made
from grader.cli.tables import TableColumn, table
from grader.errors import UsageError, instead
from grader.gradebook.gradebook import reading, writing
from grader.grading.batch import Job
from grader.grading.final import counting_submissions, entrants_of, final_settings
from grader.grading.places import groups_within_noise, placements
from grader.grading.rerun import settings_of_last_grade
from grader.task.secret import kept_secret, secret_for
from grader.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.cli.commands import FinalOptions
    from grader.gradebook.metric import Metric
    from grader.gradebook.result import Result
    from grader.grading.engine import Engine
    from grader.grading.places import Placement
    from grader.task.spec import Task

_MOST = 4  # times the repeats, for neighbours within noise of each other


def final(options: FinalOptions) -> None:
    """Grade the attempts that count once more, neighbours within noise on more seeds, and print the places."""
    task = _task_of(options)
    if not task.spec.runs_code:
        raise UsageError(f"{task.id} is a task of files: what was handed in belongs to one draw of the data")
    _refuse_known_secret(options, task)
    out = options.out or options.folder / "final"
    with closing(local_engine()) as engine:
        job = _job_for_everybody(options, task, out, engine)
        results = _grade_everybody(options, job)
        groups = _grade_groups(options, job)
    places = placements(entrants_of(out, task), task.spec.score)
    with reading(out) as book:
        names = {row["student"]: row["name"] for row in book.leaderboard()}
    if options.as_json:
        output.print_json({"places": [asdict(place) for place in places], "groups": groups})
    else:
        _show(places, names, task.metric)
        output.say(f"recorded in {out}; next: grader report {out}")
    exit_for(results)


def _job_for_everybody(options: FinalOptions, task: Task, out: Path, engine: Engine) -> Job:
    """Return the attempt of each student that counts as what to grade, on the same seeds, with the deadline that held."""
    earlier = options.folder
    settings = final_settings(earlier, task, options.secret_file, options.repeats)
    if settings.repeats < 2 or _most(options, settings.repeats) < settings.repeats:
        raise UsageError("--repeats must be 2 at least, and --most-repeats not below it")
    check_machine(settings, task)
    submissions, lost = counting_submissions(earlier, task)
    if lost:
        output.warn(
            f"no notebook was kept, so they are not in the final round: {listed(lost, output.LISTED)}"
        )
    with reading(earlier) as book:
        rule = book.late_rule(task.id)
    repeats = hidden_data(task, made(out), settings)
    return Job(task, submissions, repeats, settings, out, options.jobs, engine=engine, late_rule=rule)


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


def _refuse_known_secret(options: FinalOptions, task: Task) -> None:
    """Raise UsageError where the secret is that of the earlier results: feedback and prints may have told its data."""
    then = settings_of_last_grade(options.folder, task).secret_file
    known = kept_secret(options.folder, Path(then) if then else None)
    if secret_for(options.folder, options.secret_file) == known:
        raise UsageError(
            f"the secret {options.secret_file} is that of {options.folder}; a final round needs a new one"
        )


def _show(places: Sequence[Placement], names: Mapping[str, str], metric: Metric) -> None:
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
        TableColumn("seeds", [Text(str(place.seeds or "")) for place in places], right=True),
        TableColumn("ranks", [Text(text) for text in ranges]),
        TableColumn("swap", [Text(text) for text in swaps], right=True),
    ]
    console.print(table(columns, console.width))
    output.say(
        "ranks: those of 95 % of the draws of other seeds. swap: the chance to change places with the next one."
    )
