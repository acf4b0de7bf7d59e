"""Every command: what it takes, what the help says of it, and the function that runs it.

Help and completion read this table and import nothing that grades: a function's module is imported when it is called.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from grader.cli import author_options, completion, options, serve_options
from grader.task.spec import DEFAULT_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class TasksOptions:
    """List the tasks: what students write, limits, and the score map."""

    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Test your notebook before you hand it in.

    First come the problems that can be found without running it, then a rehearsal of the grading on the public data.
    If there is an error, nothing is run and the exit code is 1. Otherwise it is 0 whatever the verdict and the warnings.
    """

    notebook: Annotated[
        Path,
        typer.Argument(
            metavar="NOTEBOOK",
            help="Your notebook, or a slot alone, as a .py file; or the file of predictions that a task asks for.",
        ),
    ]
    task_name: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="The notebook's task.",
            show_default="what the notebook says",
            autocompletion=completion.task_ids,
        ),
    ] = None
    repeats: options.CheckRepeats = 1
    allow_gpu: options.AllowGpu = False
    quick: options.Quick = False
    watch: options.Watching = False
    time_limit: options.TimeLimit = None
    device: options.Device = "auto"
    walls: options.Walls = "any"
    data: options.PublicData = None
    out: options.CheckOut = Path("check_runs")
    cold: options.Cold = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Check that this machine can grade and that its sandbox confines."""

    walls: options.Walls = "any"
    task_name: options.MachineTask = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class PackOptions:
    """Make the zip for students: starter, data, instructions.

    The task is linted first, without running anything. Where the linter finds something wrong, the exit code is 1 and
    no zip is written.
    """

    task_name: options.TaskName
    out: options.PackOut
    secret_file: options.DrawSecret = None
    source: options.Source = None
    size: options.SizeName = DEFAULT_SIZE
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class StarterOptions:
    """Write a task's starter notebook, with which students begin."""

    task_name: options.TaskName
    out: options.StarterOut = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class GradeOptions:
    """Grade notebooks, folders and zips of one task on hidden data.

    A call that was interrupted goes on where it stopped.
    """

    task_name: options.TaskName
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Notebooks or files of predictions, folders and zips; or a slot alone, as a .py file.",
        ),
    ]
    out: options.Out
    repeats: options.Repeats = None
    jobs: options.Jobs = None
    time_limit: options.TimeLimit = None
    device: options.Device = "auto"
    walls: options.Walls = "any"
    gpus: options.Gpus = None
    per_gpu: options.PerGpu = 1
    allow_gpu: options.AllowGpu = False
    engine: options.EngineName = "local"
    ray_address: options.RayAddress = None
    shared: options.Shared = None
    secret_file: options.SecretFile = None
    student_id: options.StudentId = None
    roster: options.RosterFile = None
    deadline: options.Deadline = None
    late: options.Late = None
    earlier: options.Earlier = None
    source: options.Source = None
    size: options.SizeName = DEFAULT_SIZE
    cold: options.Cold = False
    unsafe: options.Unsafe = False
    require_agreement: options.RequireAgreement = False
    no_agreement: options.NoAgreement = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ResultsOptions:
    """List the results in a gradebook, or its leaderboard."""

    out: options.ResultsFolder
    leaderboard: Annotated[bool, typer.Option("--leaderboard", help="One row a student, by points.")] = False
    history: Annotated[bool, typer.Option("--all", help="Every result ever recorded, oldest first.")] = False
    verdict: options.Verdicts = None
    student: options.Students = None
    identical: Annotated[
        bool, typer.Option("--identical", help="Only programs that several students handed in.")
    ] = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Write the results as web pages: leaderboard and feedback."""

    out: options.ResultsFolder
    public: Annotated[
        bool, typer.Option("--public", help="For everybody: pseudonyms and points, no programs.")
    ] = False
    task_names: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            help="Folder of a task that `grader tasks` does not list; repeatable.",
            autocompletion=completion.task_ids,
        ),
    ] = None
    language: options.Language = "en"
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write the grades for Canvas, Moodle, Gradescope, CSV or JSON."""

    folder: options.ResultsFolder
    to: options.Format
    task: options.OneTask = None
    worksheet: options.WorksheetFile = None
    assignment: options.AssignmentName = None
    roster: options.RosterFile = None
    points: options.PointsOrNone = None
    visibility: options.Shown = "visible"
    out: options.ExportOut = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class GradescopeOptions:
    """Make the zip with which Gradescope grades a task by itself."""

    task_name: options.TaskName
    out: options.ZipOut = Path("autograder.zip")
    repeats: options.Repeats = None
    time_limit: options.TimeLimit = None
    points: options.Points = 100
    visibility: options.Shown = "visible"
    secret_file: options.ZipSecret = None
    source: options.Source = None
    size: options.SizeName = DEFAULT_SIZE
    unsafe: options.NoSandbox = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class AdjustOptions:
    """Adjust the points of a student, with a reason.

    The adjustment stays when submissions are graded again or rescored. Reports and exports show both values.
    """

    out: options.ResultsFolder
    student: options.Student
    points: options.NewPoints = None
    because: options.Because
    withdraw: options.Withdraw = False
    task: options.OneTask = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ChooseOptions:
    """Choose the attempt of a student that counts, with a reason.

    The choice stays when submissions are graded again, until --withdraw leaves it to the rule of the task.
    """

    out: options.ResultsFolder
    student: options.Student
    attempt: options.Attempt = None
    because: options.Because
    withdraw: options.WithdrawChoice = False
    task: options.OneTask = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class FinalOptions:
    """Grade what counts once more under a new secret, and rank it.

    All are graded on the same seeds. Neighbours within noise of each other get more seeds, the same ones for all of a group.
    Files of predictions are measured once more, without a new secret.
    """

    folder: options.ResultsFolder
    secret_file: options.NewSecret = None
    repeats: options.Repeats = None
    most_repeats: options.MostRepeats = None
    jobs: options.FinalJobs = 1
    allow_gpu: options.AllowGpu = False
    out: options.FinalOut = None
    task: options.OneTask = None
    task_folder: options.TaskFolder = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """Write one page that shows how a student's points came about.

    It has the program, seeds, machine, versions, the arithmetic, lateness, adjustments and replays, to answer an appeal.
    """

    folder: options.ResultsFolder
    student: options.Student
    out: options.ExplainOut = None
    replay: options.Replaying = False
    task: options.OneTask = None
    task_folder: options.TaskFolder = None
    language: options.Language = "en"
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class SimilarOptions:
    """Find similar programs, also in other classes and years.

    Published solutions can be compared, too. The page shows each program beside the earliest of its group, and leaves
    the untouched starter aside.
    """

    folder: options.ResultsFolder
    against: options.Against = None
    out: options.SimilarOut = None
    task: options.OneTask = None
    task_folder: options.TaskFolder = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class RegradeOptions:
    """Run chosen submissions again.

    The settings are those of the last grading unless others are given.
    """

    task_name: options.TaskName
    out: options.Results
    verdict: options.Verdicts = None
    student: options.Students = None
    time_limit: options.TimeLimit = None
    jobs: options.Jobs = None
    gpus: options.Gpus = None
    per_gpu: options.PerGpu = 1
    allow_gpu: options.AllowGpu = False
    engine: options.EngineName = "local"
    ray_address: options.RayAddress = None
    shared: options.Shared = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class RescoreOptions:
    """Apply a changed score map or score.py to recorded results.

    No student code runs: a new map uses what was measured, a new score.py the kept predictions.
    """

    task_name: options.TaskName
    out: options.Results
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and record nothing.")
    ] = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """Run a recorded submission again and compare bit for bit.

    The exit code is 1 if its predictions differ.
    """

    task_name: options.TaskName
    submission: Annotated[
        str, typer.Argument(metavar="SUBMISSION", help="A student, a submitted path or a run folder.")
    ]
    out: options.Results
    as_json: options.AsJson = False


class Audience(StrEnum):
    """Whom a command is for; the help groups them so."""

    STUDENTS = "Students"
    INSTRUCTORS = "Instructors"
    AUTHORS = "Authors"


@dataclass(frozen=True)
class CommandRow:
    """A command: the class of its options, whose docstring is its help, and `module:function` that takes one of them."""

    name: str
    options: type[Any]
    function: str
    audience: Audience

    @property
    def summary(self) -> str:
        """Return the line of the help that lists all commands."""
        return self.help.partition("\n")[0]

    @property
    def help(self) -> str:
        """Return the text above the options in the command's own help."""
        return inspect.getdoc(self.options) or ""

    def implementation(self) -> Callable[[Any], None]:
        """Return the function, imported now."""
        module, _, name = self.function.partition(":")
        function: Callable[[Any], None] = getattr(importlib.import_module(module), name)
        return function

    def callback(self) -> Callable[..., None]:
        """Return a function with a parameter for each option, as typer wants one; it imports nothing until it is called."""

        def run(**values: Any) -> None:
            self.implementation()(self.options(**values))

        run.__doc__ = self.help
        run.__annotations__ = get_type_hints(self.options, include_extras=True)
        run.__signature__ = inspect.signature(self.options, eval_str=True)  # type: ignore[attr-defined]
        return run


COMMANDS = (
    CommandRow("check", CheckOptions, "grader.cli.check:check", Audience.STUDENTS),
    CommandRow("tasks", TasksOptions, "grader.cli.tasks:tasks", Audience.STUDENTS),
    CommandRow("submit", serve_options.SubmitOptions, "grader.cli.serve:submit", Audience.STUDENTS),
    CommandRow("doctor", DoctorOptions, "grader.cli.doctor:doctor", Audience.INSTRUCTORS),
    CommandRow("pack", PackOptions, "grader.cli.pack:pack", Audience.INSTRUCTORS),
    CommandRow("starter", StarterOptions, "grader.cli.starter:starter", Audience.INSTRUCTORS),
    CommandRow("grade", GradeOptions, "grader.cli.grade:grade", Audience.INSTRUCTORS),
    CommandRow("results", ResultsOptions, "grader.cli.results:results", Audience.INSTRUCTORS),
    CommandRow("report", ReportOptions, "grader.cli.report:report", Audience.INSTRUCTORS),
    CommandRow("export", ExportOptions, "grader.cli.export:export", Audience.INSTRUCTORS),
    CommandRow("gradescope", GradescopeOptions, "grader.cli.gradescope:gradescope", Audience.INSTRUCTORS),
    CommandRow("regrade", RegradeOptions, "grader.cli.grade:regrade", Audience.INSTRUCTORS),
    CommandRow("rescore", RescoreOptions, "grader.cli.rescore:rescore", Audience.INSTRUCTORS),
    CommandRow("adjust", AdjustOptions, "grader.cli.adjust:adjust", Audience.INSTRUCTORS),
    CommandRow("choose", ChooseOptions, "grader.cli.choose:choose", Audience.INSTRUCTORS),
    CommandRow("final", FinalOptions, "grader.cli.final:final", Audience.INSTRUCTORS),
    CommandRow("explain", ExplainOptions, "grader.cli.explain:explain", Audience.INSTRUCTORS),
    CommandRow("similar", SimilarOptions, "grader.cli.similar:similar", Audience.INSTRUCTORS),
    CommandRow("replay", ReplayOptions, "grader.cli.grade:replay", Audience.INSTRUCTORS),
    CommandRow("serve", serve_options.ServeOptions, "grader.cli.serve:serve", Audience.INSTRUCTORS),
    CommandRow("new-task", author_options.NewTaskOptions, "grader.cli.build:new_task", Audience.AUTHORS),
    CommandRow("build", author_options.BuildOptions, "grader.cli.build:build", Audience.AUTHORS),
    CommandRow("upgrade", author_options.UpgradeOptions, "grader.cli.build:upgrade", Audience.AUTHORS),
    CommandRow("prepare", author_options.PrepareOptions, "grader.cli.prepare:prepare", Audience.AUTHORS),
    CommandRow("lint", author_options.LintOptions, "grader.cli.lint:lint", Audience.AUTHORS),
    CommandRow("bands", author_options.BandsOptions, "grader.cli.bands:bands", Audience.AUTHORS),
    CommandRow("redteam", author_options.RedteamOptions, "grader.cli.redteam:redteam", Audience.AUTHORS),
)
