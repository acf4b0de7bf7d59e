"""The options that commands take, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grader.cli import completion
from grader.errors import Verdict
from grader.export.gradescope import Visibility

MachineTask = Annotated[
    str | None,
    typer.Argument(
        metavar="[TASK]",
        help="A task whose starter and reference should get their recorded points here.",
        autocompletion=completion.task_ids,
    ),
]
TaskName = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A task's id, or the path of its folder.", autocompletion=completion.task_ids
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Device = Annotated[Literal["auto", "cuda", "cpu"], typer.Option(help="Where the trainer computes.")]
Walls = Annotated[
    Literal["any", "namespaces", "landlock"],
    typer.Option("--walls", help="What confines students' code; any: the best that this machine can build."),
]
Repeats = Annotated[
    int | None, typer.Option(min=1, help="Complete evaluations to average.", show_default="the task's")
]
TimeLimit = Annotated[
    float | None, typer.Option(min=1, help="Wall seconds for each repeat.", show_default="the task's")
]
Cold = Annotated[bool, typer.Option("--cold", help="Start every trainer from nothing, for comparison.")]
Source = Annotated[
    str | None,
    typer.Option(
        help="embedded, npz:PATH or torchvision:NAME.",
        show_default="the task's",
        autocompletion=completion.sources,
    ),
]
SizeName = Annotated[
    str,
    typer.Option("--size", help="A setting of the task: default, large ...", autocompletion=completion.sizes),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Submissions at a time.", show_default="1, or all that the GPUs take"),
]
Gpus = Annotated[str | None, typer.Option(help="GPUs to use: all, or numbers such as 0,1.")]
AllowGpu = Annotated[
    bool,
    typer.Option(
        "--allow-gpu",
        help="Let programs have a GPU where the task says so, behind walls never tested on a device.",
    ),
]
PerGpu = Annotated[
    int, typer.Option(min=1, max=64, help="Trainers on one GPU, each with its share of the memory.")
]
Language = Annotated[Literal["en", "de"], typer.Option(help="Of the pages for students.")]
EngineName = Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")]
RayAddress = Annotated[
    str | None,
    typer.Option(help="Address of a running cluster.", show_default="as Ray finds it, else local"),
]
Shared = Annotated[
    Path | None, typer.Option(help="A folder that all nodes of the cluster share, for run folders.")
]
RosterFile = Annotated[
    Path | None, typer.Option("--roster", help="CSV of students: id, name, email, section.")
]
ResultsFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of results that `grader grade` made.")
]
Results = Annotated[Path, typer.Option("--out", help="Folder of results that `grader grade` made.")]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only this student; repeatable.")]
Verdicts = Annotated[list[Verdict] | None, typer.Option("--verdict", help="Only this verdict; repeatable.")]
Deadline = Annotated[
    str | None,
    typer.Option(
        help="Time with zone after which work is late by the platform's times; kept. none: no deadline."
    ),
]
Late = Annotated[
    str | None,
    typer.Option(help="Late work: count, mark, zero, or points lost a day as -10%/day.", show_default="mark"),
]
Earlier = Annotated[
    Path | None,
    typer.Option(help="Results of the round before: its deadline and adjusted points hold here, too."),
]
Student = Annotated[str, typer.Argument(metavar="STUDENT", help="A student's id, or name.")]
NewPoints = Annotated[
    int | None, typer.Option("--points", min=0, max=100, help="Points that count from now on.")
]
Because = Annotated[str, typer.Option("--because", help="The reason; the student reads it.")]
Withdraw = Annotated[bool, typer.Option("--withdraw", help="Take the adjustment back.")]
Attempt = Annotated[int | None, typer.Option("--attempt", min=1, help="Number of the attempt that counts.")]
WithdrawChoice = Annotated[bool, typer.Option("--withdraw", help="Let the task's rule decide again.")]
NewSecret = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="A secret that no earlier round had; of a task of files, that of its data.",
        show_default=False,
    ),
]
MostRepeats = Annotated[
    int | None,
    typer.Option(
        "--most-repeats",
        min=2,
        help="Evaluations of neighbours within noise.",
        show_default="4 times --repeats",
    ),
]
FinalJobs = Annotated[int, typer.Option("--jobs", min=1, max=1024, help="Submissions at a time.")]
FinalOut = Annotated[
    Path | None, typer.Option("--out", help="Folder of the final results.", show_default="DIR/final")
]
ExplainOut = Annotated[
    Path | None, typer.Option("--out", help="File to write.", show_default="in DIR/explanations")
]
Replaying = Annotated[
    bool, typer.Option("--replay", help="Run the submission once more first, and compare bit for bit.")
]
TaskFolder = Annotated[
    str | None, typer.Option("--task-folder", help="Folder of a task that `grader tasks` does not list.")
]
Against = Annotated[
    list[Path] | None,
    typer.Option(
        "--against",
        help="Other results, or solutions as .py and .ipynb files or a folder of them; repeatable.",
    ),
]
SimilarOut = Annotated[
    Path | None, typer.Option("--out", help="File to write.", show_default="DIR/similar.html")
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        help="Secret from which the hidden data are drawn.", show_default="drawn once and kept in --out"
    ),
]
DrawSecret = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="Of a task of files: secret from which the data are drawn; give the same to grade.",
        show_default="drawn as everybody can",
    ),
]
StudentId = Annotated[
    str | None, typer.Option(help="Regular expression on a submission's path; its group is the student.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Grade without a sandbox; results can then be forged.")
]
RequireAgreement = Annotated[
    bool,
    typer.Option(
        "--require-agreement",
        help="Refuse a machine on which starter and reference miss their recorded points.",
    ),
]
NoAgreement = Annotated[
    bool,
    typer.Option("--no-agreement", help="Do not run starter and reference first, even on a new machine."),
]
Out = Annotated[Path, typer.Option(help="Folder of results and run folders; kept and added to.")]
CheckRepeats = Annotated[
    int, typer.Option("--repeats", min=1, help="Complete evaluations to average; several show the spread.")
]
Watching = Annotated[bool, typer.Option("--watch", help="Check again on each save, until Ctrl-C.")]
CheckOut = Annotated[Path, typer.Option(help="Folder for the executed notebooks.")]
PublicData = Annotated[Path | None, typer.Option(help="The public data.", show_default="found or built")]
DataOut = Annotated[Path | None, typer.Option(help="Folder to build the data in.", show_default="data/TASK")]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        help="Only this attack, or class of attacks; repeatable.",
        autocompletion=completion.attacks,
    ),
]
Corpus = Annotated[Path | None, typer.Option(help="Folder of attacks.", show_default="the one shipped")]
AttackSeconds = Annotated[
    float | None,
    typer.Option(
        "--time-limit", min=1, help="Wall seconds of an attack.", show_default="three honest runs and 6"
    ),
]
AttackWindow = Annotated[
    int,
    typer.Option(min=1, help="Attacks between two honest submissions; with 1 every notebook trains."),
]
AttackOut = Annotated[Path, typer.Option(help="Folder for the run folders of the attacks.")]
Quick = Annotated[bool, typer.Option("--quick", help="Skip everything that trains.")]
LintSeeds = Annotated[
    int, typer.Option("--seeds", min=2, help="Data sets to look at, and final evaluations to average.")
]
BandSeeds = Annotated[int, typer.Option("--seeds", min=2, help="Final evaluations of each answer.")]
BandJobs = Annotated[int, typer.Option("--jobs", min=1, max=1024, help="Answers at a time.")]
BandSecret = Annotated[
    str, typer.Option("--secret", help="Text that the seeds are drawn from; the same text, the same seeds.")
]
BandSpeed = Annotated[
    bool,
    typer.Option(
        "--speed",
        help="Only measure how long starter and reference take, on 2 seeds, and add it to the record.",
    ),
]
BandsOut = Annotated[Path, typer.Option(help="Folder for the runs; kept, and added to.")]
BandsRecord = Annotated[
    Path | None, typer.Option("--record", help="File to write.", show_default="the task's bands.json")
]
RepoUrl = Annotated[
    str | None,
    typer.Option(
        help="This repository on GitHub, for a Colab badge in all notebooks; kept in repository.toml. Empty: no badge."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything random in the data.")]
Format = Annotated[
    Literal["csv", "json", "gradescope", "canvas", "moodle"],
    typer.Option("--format", help="Output format."),
]
OneTask = Annotated[
    str | None, typer.Option("--task", help="Only this task's results.", autocompletion=completion.task_ids)
]
WorksheetFile = Annotated[
    Path | None,
    typer.Option("--worksheet", help="Table downloaded from Moodle or Canvas, to be filled in."),
]
AssignmentName = Annotated[
    str | None, typer.Option("--assignment", help='Canvas\'s column: "Name (id)", as in its export.')
]
_POINTS = "Points on the platform that correspond to 100 here."
Points = Annotated[float, typer.Option("--points", min=0.01, help=_POINTS)]
PointsOrNone = Annotated[float | None, typer.Option("--points", min=0.01, help=_POINTS, show_default="100")]
Shown = Annotated[Visibility, typer.Option("--visibility", help="When students see a result in Gradescope.")]
ExportOut = Annotated[
    Path | None, typer.Option("--out", help="File or folder to write.", show_default="in DIR/exports")
]
ZipOut = Annotated[Path, typer.Option("--out", help="The zip to write; it holds a secret.")]
PackOut = Annotated[Path, typer.Option("--out", help="Folder for TASK.zip.")]
StarterOut = Annotated[
    Path | None, typer.Option("--out", help="The notebook to write.", show_default="TASK.ipynb")
]
TasksOut = Annotated[Path, typer.Option("--out", help="Folder of tasks; notebooks are built beside it.")]
ZipSecret = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="Secret from which the hidden data are drawn.",
        show_default="drawn for this zip",
    ),
]
NoSandbox = Annotated[
    bool, typer.Option("--unsafe", help="Run students' code unconfined if no sandbox works there.")
]
