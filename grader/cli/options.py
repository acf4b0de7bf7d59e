"""The options that several commands share, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grader.cli import completion
from grader.errors import Verdict

TaskName = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A task's id, or the path of its folder.", autocompletion=completion.task_ids
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Device = Annotated[Literal["auto", "cuda", "cpu"], typer.Option(help="Where the trainer computes.")]
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
    typer.Option(
        min=1, max=1024, help="Submissions at a time.", show_default="1, or all places on the cards"
    ),
]
Gpus = Annotated[str | None, typer.Option(help="Graphics cards to spread over: all, or numbers such as 0,1.")]
PerGpu = Annotated[
    int, typer.Option(min=1, max=64, help="Trainers on one card, each with its share of the memory.")
]
EngineName = Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")]
RayAddress = Annotated[
    str | None, typer.Option(help="A running cluster's.", show_default="as Ray finds it, else local")
]
Shared = Annotated[
    Path | None, typer.Option(help="A folder that all nodes of the cluster share, for run folders.")
]
RosterFile = Annotated[
    Path | None, typer.Option("--roster", help="CSV of students: id, name, email, section.")
]
Results = Annotated[Path, typer.Option("--out", help="Folder of results that `grader grade` made.")]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")]
Verdicts = Annotated[
    list[Verdict] | None, typer.Option("--verdict", help="Only this verdict; may be repeated.")
]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="Where the hidden data come from.", show_default="drawn once and kept in --out"),
]
StudentId = Annotated[
    str | None, typer.Option(help="Regular expression on a submission's path; its group is the student.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Grade without a sandbox; results can then be forged.")
]
Out = Annotated[Path, typer.Option(help="Folder of results and run folders; kept and added to.")]
CheckRepeats = Annotated[
    int, typer.Option("--repeats", min=1, help="Complete evaluations to average; several show the spread.")
]
Watching = Annotated[bool, typer.Option("--watch", help="Check again on each save, until Ctrl-C.")]
CheckOut = Annotated[Path, typer.Option(help="Where the executed notebooks are kept.")]
PublicData = Annotated[Path | None, typer.Option(help="The public data.", show_default="found or built")]
DataOut = Annotated[Path | None, typer.Option(help="Folder to build them in.", show_default="data/TASK")]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        help="Only this attack, or class of attacks; may be repeated.",
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
AttackWindow = Annotated[int, typer.Option(min=1, help="Attacks between two honest submissions.")]
AttackOut = Annotated[Path, typer.Option(help="Where the run folders of the attacks are kept.")]
Quick = Annotated[bool, typer.Option("--quick", help="Leave out everything that trains.")]
LintSeeds = Annotated[
    int, typer.Option("--seeds", min=2, help="Data sets to look at, and final evaluations to average.")
]
RepoUrl = Annotated[
    str | None,
    typer.Option(
        help="This repository on GitHub, for a badge of Colab in all notebooks; kept in repository.toml. Empty: no badge."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything random in the data.")]
