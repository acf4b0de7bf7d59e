"""The commands that hand something over: grades to a platform, an autograder, a zip for students, a new task."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from grader.cli import completion, output
from grader.cli.options import AsJson, Repeats, RosterFile, SizeName, Source, TaskName, TimeLimit
from grader.cli.settings import source_of
from grader.errors import UsageError
from grader.export.gradescope import Visibility
from grader.files import write_atomic
from grader.task.spec import DEFAULT_SIZE, load_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.export.tables import Exported, Standing

_SECRET_BYTES = 32
_LINT_SEEDS = 2  # data sets that are looked at before a task is packed, beside the one that is
_FILE_NAMES = {
    "csv": "leaderboard.csv",
    "json": "leaderboard.json",
    "canvas": "canvas.csv",
    "moodle": "moodle.csv",
}

Format = Annotated[
    Literal["csv", "json", "gradescope", "canvas", "moodle"],
    typer.Option("--format", help="Who is to read it."),
]
OneTask = Annotated[
    str | None, typer.Option("--task", help="Only this task's results.", autocompletion=completion.task_ids)
]
WorksheetFile = Annotated[
    Path | None, typer.Option("--worksheet", help="The table that Moodle or Canvas gave, to be filled in.")
]
AssignmentName = Annotated[
    str | None, typer.Option("--assignment", help='Canvas\'s column: "Name (id)", as in its export.')
]
Points = Annotated[float, typer.Option("--points", min=0.01, help="What 100 of our points are worth there.")]
PointsOrNone = Annotated[
    float | None,
    typer.Option("--points", min=0.01, help="What 100 of our points are worth there; 100 by default."),
]
Shown = Annotated[Visibility, typer.Option("--visibility", help="When students see a result in Gradescope.")]
ExportOut = Annotated[
    Path | None, typer.Option("--out", help="The file, or folder, to write; by default in DIR/exports.")
]
ZipOut = Annotated[Path, typer.Option("--out", help="The zip to write; it holds a secret.")]
PackOut = Annotated[Path, typer.Option("--out", help="The folder for TASK.zip.")]
TasksOut = Annotated[Path, typer.Option("--out", help="The folder of tasks; notebooks are built beside it.")]
OwnSecret = Annotated[
    Path | None,
    typer.Option("--secret-file", help="A secret of yours; by default one is drawn for this zip."),
]
NoSandbox = Annotated[
    bool, typer.Option("--unsafe", help="Run students' code unconfined where there is no sandbox to be had.")
]


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of results that `grader grade` made.")
    ],
    *,
    to: Format,
    task: OneTask = None,
    worksheet: WorksheetFile = None,
    assignment: AssignmentName = None,
    roster: RosterFile = None,
    points: PointsOrNone = None,
    visibility: Shown = "visible",
    out: ExportOut = None,
    as_json: AsJson = False,
) -> None:
    """Write the grades as another program reads them: a table, JSON, Gradescope, Canvas or Moodle."""
    from grader.export import tables as exports  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.submissions.roster import Roster  # noqa: PLC0415

    _refuse_useless(to, worksheet=worksheet, assignment=assignment, points=points)
    found = exports.standings(folder, task, Roster.read(roster) if roster else None)
    if to == "gradescope":
        target = out or folder / "exports" / "gradescope"
        _finish(target, *_write_results(folder, found, target, points or 100, visibility), as_json=as_json)
        return
    if to in ("canvas", "moodle"):
        exports.one_task(found)
    made = _exported(to, found, worksheet, assignment, points)
    target = out or folder / "exports" / _FILE_NAMES[to]
    if worksheet and target.resolve() == worksheet.resolve():
        raise UsageError("--out would overwrite the worksheet; choose another file")
    write_atomic(target, made.content)
    _finish(target, made.grades, made.notes, as_json=as_json)


def gradescope(
    task_name: TaskName,
    *,
    out: ZipOut = Path("autograder.zip"),
    repeats: Repeats = None,
    time_limit: TimeLimit = None,
    points: Points = 100,
    visibility: Shown = "visible",
    secret_file: OwnSecret = None,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    unsafe: NoSandbox = False,
    as_json: AsJson = False,
) -> None:
    """Make the zip that lets Gradescope grade a task by itself."""
    from grader.export.gradescope import Assignment  # noqa: PLC0415
    from grader.export.gradescope_zip import write_autograder  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.task.evaluation import secret_for  # noqa: PLC0415

    task = load_task(task_name)
    assignment = Assignment(
        task=task.id, repeats=repeats or task.spec.repeats, wall_seconds=time_limit or task.size(size).wall_seconds,
        source=source_of(task, source, size), size=size, points=points, visibility=visibility, unsafe=unsafe,
    )  # fmt: skip
    secret = secret_for(Path(), secret_file) if secret_file else secrets.token_hex(_SECRET_BYTES).encode()
    write_autograder(task, assignment, secret, out)
    minutes = -(-(assignment.repeats * assignment.wall_seconds + 60) // 60)
    if as_json:
        output.print_json({"out": str(out), "timeout_minutes": int(minutes), **assignment.as_json()})
        return
    output.say(f"wrote {out}")
    output.say(f"in Gradescope: {points:g} autograder points, a timeout of at least {minutes:.0f} minutes")
    output.say(
        "it holds the secret of the hidden data and the reference solution: for the staff of the course only"
    )
    if unsafe:
        output.warn("--unsafe: students' code can read all of that there, and write its own points")


def pack(
    task_name: TaskName,
    *,
    out: PackOut,
    source: Source = None,
    size: SizeName = DEFAULT_SIZE,
    as_json: AsJson = False,
) -> None:
    """Make the zip that is handed out to students: starter, public data, requirements, instructions; lint it first.

    Exit code 1 where the linter finds something wrong, without running anything; then no zip is written.
    """
    from grader.export import student_zip as packing  # noqa: PLC0415
    from grader.lint import task as linting  # noqa: PLC0415 -- keeps `grader --help` quick

    task = load_task(task_name)
    if not as_json:
        output.say(f"looking at the notebooks and the data of {task.id}; this takes some seconds")
    with tempfile.TemporaryDirectory(prefix="grader-pack-") as scratch:
        subject = linting.read_subject(task)
        told = source_of(task, source, size)
        data = linting.build_evidence(task, Path(scratch), seeds=_LINT_SEEDS, source=told, size=size)
        findings = linting.read(subject) + linting.look(subject, data)
        wrong = [finding for finding in findings if not finding.ok]
        path = None if wrong else packing.pack(task, data.public, out, size=size)
    if as_json:
        output.print_json(
            {"out": str(path) if path else None, "wrong": [asdict(finding) for finding in wrong]}
        )
    elif path:
        output.say(f"wrote {path}")
        output.say("the deadline is yours to fill in, in its README.md")
    else:
        output.show_findings(wrong)
        output.complain(f"{task.id} is not packed; mend what is wrong, then run the same again")
    if wrong:
        raise typer.Exit(1)


def new_task(
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task's name: letters, digits, - and _.")],
    *,
    out: TasksOut = Path("tasks"),
    as_json: AsJson = False,
) -> None:
    """Start a task: a small one that works, commented for its author."""
    from grader.task.scaffold import scaffold  # noqa: PLC0415 -- keeps `grader --help` quick

    task, written = scaffold(task_id, out)
    if as_json:
        output.print_json({"id": task.id, "written": [str(path) for path in written]})
        return
    for path in written:
        output.say(f"wrote {_near(path)}")
    output.say(f"next: change {_near(task.folder)}/notebook.py, then run: grader build {_near(task.folder)}")


COMMANDS: tuple[Callable[..., None], ...] = (export, gradescope, pack, new_task)


def _refuse_useless(to: str, *, worksheet: Path | None, assignment: str | None, points: float | None) -> None:
    """Refuse options that the format has no use for, and formats that lack one."""
    if worksheet and to not in ("canvas", "moodle"):
        raise UsageError("--worksheet goes with --format canvas or moodle")
    if to == "moodle" and not worksheet:
        raise UsageError(
            "--format moodle fills in a table of Moodle's: download it from the assignment, --worksheet FILE"
        )
    if (assignment is None) == (to == "canvas"):
        raise UsageError('--format canvas and --assignment "Name (id)" go together')
    if points is not None and (worksheet or to not in ("canvas", "gradescope")):
        raise UsageError(
            "--points goes with --format gradescope, or canvas without a worksheet: others name the maximum"
        )


def _exported(
    to: str, found: list[Standing], worksheet: Path | None, assignment: str | None, points: float | None
) -> Exported:
    from grader.export import canvas, moodle  # noqa: PLC0415 -- keeps `grader --help` quick
    from grader.export import tables as exports  # noqa: PLC0415
    from grader.export.csv_file import Worksheet  # noqa: PLC0415

    if to == "moodle" and worksheet:
        return moodle.fill(Worksheet.read(worksheet), found)
    if to == "canvas" and assignment:
        if worksheet:
            return canvas.fill(Worksheet.read(worksheet), found, assignment)
        return canvas.small_table(found, assignment, points)
    return exports.as_csv(found) if to == "csv" else exports.as_json(found)


def _write_results(
    folder: Path, found: list[Standing], target: Path, points: float, visibility: Visibility
) -> tuple[int, list[str]]:
    """Write a results.json for each attempt of each student; return how many have points, and what to note."""
    import json  # noqa: PLC0415

    from grader.export.gradescope import Look, results_of  # noqa: PLC0415
    from grader.export.tables import one_task, ungraded  # noqa: PLC0415
    from grader.gradebook.gradebook import reading  # noqa: PLC0415

    task, look, grades = one_task(found), Look(points, visibility), 0
    with reading(folder) as book:
        attempts = [one for one in book.current() if one.result.task == task]
    for one in attempts:
        record = results_of(one.result, look)
        place = target / one.result.student / f"attempt-{one.attempt}" / "results.json"
        write_atomic(place, (json.dumps(record, indent=2) + "\n").encode())
        grades += one.result.points is not None
    return grades, ungraded(found)


def _finish(target: Path, grades: int, notes: list[str], *, as_json: bool) -> None:
    for note in notes:
        output.warn(note)
    if as_json:
        output.print_json({"out": str(target), "grades": grades, "notes": notes})
    else:
        output.say(f"wrote {target}: {grades} grade{'s' * (grades != 1)}")


def _near(path: Path) -> Path:
    """Return a path as the caller would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
