"""The commands behind `grader contest`: what each takes, what the help says of it, and the function that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from grader.cli import options
from grader.cli.commands import Audience, CommandRow

CONTEST, CONTEST_SUMMARY = "contest", "Run a contest from one folder: hand in, grade, rank, verify."

ContestFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the contest.")]
Submissions = Annotated[
    list[int] | None, typer.Option(metavar="NUMBER", help="Number of a submission; repeatable.")
]


@dataclass(frozen=True, kw_only=True)
class ContestNewOptions:
    """Start a contest: a folder with rules that work, to be edited.

    Its windows open tomorrow at 9:00 and close at 14:00.
    """

    folder: ContestFolder
    tasks: Annotated[
        list[str], typer.Option("--task", help="A task's id, or the path of its folder; repeatable.")
    ]
    title: Annotated[str, typer.Option("--title", help="Title of the contest.")] = "Contest"
    zone: Annotated[str, typer.Option("--zone", help="Time zone, such as Europe/Warsaw.")] = "UTC"


@dataclass(frozen=True, kw_only=True)
class ContestCheckOptions:
    """Look for mistakes in the rules, and show the timetable in each zone.

    The exit code is 1 if something is wrong.
    """

    folder: ContestFolder
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Play starter, reference and a broken file of each task through a queue of its own.",
        ),
    ] = False
    teams: Annotated[
        int | None,
        typer.Option(min=1, help="Teams to forecast for.", show_default="those enrolled, else 100"),
    ] = None
    jobs: Annotated[int, typer.Option(min=1, max=1024, help="Submissions at a time.")] = 1
    allow_gpu: options.AllowGpu = False
    device: options.Device = "auto"
    walls: options.Walls = "any"
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ContestCodesOptions:
    """Enrol the people of a roster and draw a code for each.

    Codes are shown once: only their hashes are kept. Whoever has a code keeps it, unless --again draws new ones.
    """

    folder: ContestFolder
    roster: Annotated[
        Path | None, typer.Option("--roster", help="CSV of people: id, name, email, section, team.")
    ] = None
    role: Annotated[str, typer.Option("--role", help="student, staff, admin or viewer.")] = "student"
    again: Annotated[bool, typer.Option("--again", help="Draw new codes also for those who have one.")] = (
        False
    )
    person: Annotated[
        list[str] | None, typer.Option("--person", help="Only this id, name or roster id; repeatable.")
    ] = None
    out: Annotated[Path | None, typer.Option("--out", help="CSV to write.", show_default="the terminal")] = (
        None
    )


@dataclass(frozen=True, kw_only=True)
class ContestTeamOptions:
    """Put people into a team, which hands in and ranks as one.

    It can be done as long as none of them has handed in.
    """

    folder: ContestFolder
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the team, on the leaderboard.")]
    people: Annotated[
        list[str], typer.Option("--person", help="Id, name or roster id of a member; repeatable.")
    ]


@dataclass(frozen=True, kw_only=True)
class ContestWorkerOptions:
    """Grade what is handed in, until Ctrl-C.

    It may be killed at any moment. Another worker goes on with what it was grading.
    """

    folder: ContestFolder
    jobs: options.Jobs = None
    device: options.Device = "auto"
    walls: options.Walls = "any"
    repeats: options.Repeats = None
    gpus: options.Gpus = None
    per_gpu: options.PerGpu = 1
    allow_gpu: options.AllowGpu = False
    engine: options.EngineName = "local"
    ray_address: options.RayAddress = None
    shared: options.Shared = None
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing waits.")] = False
    attached: Annotated[bool, typer.Option("--attached", help="End when standard input ends.")] = False


@dataclass(frozen=True, kw_only=True)
class ContestQueueOptions:
    """Show what runs, waits or is held, and decide about submissions.

    Every decision needs a reason, which is kept with it.
    """

    folder: ContestFolder
    force: Submissions = None
    requeue: Submissions = None
    hold: Submissions = None
    release: Submissions = None
    cancel: Submissions = None
    because: Annotated[str | None, typer.Option("--because", help="The reason.")] = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ContestExtendOptions:
    """Move the last deadline of somebody's team, with a reason.

    A later call takes the place of an earlier one, and nobody loses time by it.
    """

    folder: ContestFolder
    person: Annotated[
        str | None,
        typer.Argument(
            metavar="[PERSON]",
            help="A team's name, or id, name or roster id of somebody.",
            show_default="everybody",
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--until", help="The new time, such as 2026-11-30T14:30, in the zone of the group."),
    ] = None
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the extension back.")] = False
    task: Annotated[str, typer.Option("--task", help="Only this task.", show_default="all")] = ""
    because: Annotated[str, typer.Option("--because", help="The reason.")]


@dataclass(frozen=True, kw_only=True)
class ContestDisqualifyOptions:
    """Let a submission count 0 points, with a reason."""

    folder: ContestFolder
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the submission.")]
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Let it count again.")] = False
    because: Annotated[str, typer.Option("--because", help="The reason.")]


@dataclass(frozen=True, kw_only=True)
class ContestCloseOptions:
    """End a contest and write all that happened into one file.

    The secrets of the hidden data are in it, sealed with a key that is shown once.
    """

    folder: ContestFolder
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("contest.zip")
    early: Annotated[bool, typer.Option("--early", help="Close although windows are open.")] = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ContestVerifyOptions:
    """Verify the archive of a contest, offline: events, files, verdicts, ranking.

    The exit code is 1 if something is wrong.
    """

    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="File that `close` wrote.")]
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Receipt of a student to look for.")] = (
        None
    )
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ContestBackupOptions:
    """Copy a contest while it runs; the copy is a contest's folder itself."""

    folder: ContestFolder
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="New folder.")]


@dataclass(frozen=True, kw_only=True)
class ContestExportOptions:
    """Write all that is kept of one person into a zip."""

    folder: ContestFolder
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Id, name or roster id of somebody.")]
    out: Annotated[Path, typer.Option("--out", help="Zip to write.")] = Path("person.zip")


@dataclass(frozen=True, kw_only=True)
class ContestEraseOptions:
    """Erase one person: name, address, code, texts and files.

    Verdicts stay under an id drawn at random, so that the ranking can be verified.
    """

    folder: ContestFolder
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Id, name or roster id of somebody.")]
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it, only say what would be erased.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class ContestUnbindOptions:
    """Release a person from the provider's account that signed in as them first.

    Their sessions end, and the next account whose claim fits them is bound.
    """

    folder: ContestFolder
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Id, name or roster id of somebody.")]
    because: Annotated[str, typer.Option("--because", help="The reason.")]


@dataclass(frozen=True, kw_only=True)
class ContestReplayOptions:
    """Run a submission once more with its seeds, as evidence for an appeal.

    What came of it becomes an event, and answers an appeal that nobody answered. The exit code is 1 if something differs.
    """

    folder: ContestFolder
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the submission.")]
    device: options.Device = "auto"
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class ContestGradesOptions:
    """Send points to the learning platforms of `[[lti]]`, also those that failed before.

    What a platform does not take is kept and tried again. The exit code is 1 if there is something.
    """

    folder: ContestFolder
    as_json: options.AsJson = False


def _row(name: str, options_class: type, function: str) -> CommandRow:
    return CommandRow(name, options_class, f"grader.cli.contest:{function}", Audience.INSTRUCTORS)


CONTEST_COMMANDS = (
    _row("new", ContestNewOptions, "new"),
    _row("check", ContestCheckOptions, "check"),
    _row("codes", ContestCodesOptions, "codes"),
    _row("team", ContestTeamOptions, "team"),
    _row("worker", ContestWorkerOptions, "worker"),
    _row("queue", ContestQueueOptions, "show_queue"),
    _row("extend", ContestExtendOptions, "extend"),
    _row("disqualify", ContestDisqualifyOptions, "disqualify"),
    _row("unbind", ContestUnbindOptions, "unbind"),
    CommandRow("replay", ContestReplayOptions, "grader.cli.contest_replay:replay", Audience.INSTRUCTORS),
    _row("close", ContestCloseOptions, "close"),
    _row("verify", ContestVerifyOptions, "verify"),
    CommandRow("grades", ContestGradesOptions, "grader.cli.contest_grades:grades", Audience.INSTRUCTORS),
    _row("backup", ContestBackupOptions, "backup"),
    _row("export", ContestExportOptions, "export"),
    _row("erase", ContestEraseOptions, "erase"),
)
