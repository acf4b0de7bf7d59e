"""What the commands for authors take, and what the help says of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from grader.cli import completion, options
from grader.redteam.window import WINDOW
from grader.task.spec import DEFAULT_SIZE, Kind

RECORDED_SEEDS = "the seeds of the recorded bands"


@dataclass(frozen=True, kw_only=True)
class BandsOptions:
    """Measure what typical answers get, and how far chance moves it.

    Starter, reference and every file in the task's `strategies` are graded like submissions, over the same fresh seeds.
    A call that was interrupted goes on where it stopped.
    """

    task_name: options.TaskName
    seeds: options.BandSeeds = 16
    jobs: options.BandJobs = 1
    allow_gpu: options.AllowGpu = False
    secret: options.BandSecret = RECORDED_SEEDS
    out: options.BandsOut = Path("bands_runs")
    record: options.BandsRecord = None
    speed: options.BandSpeed = False
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class NewTaskOptions:
    """Start a task: a small one that works, with comments.

    With --from, a published notebook becomes a task folder, with a list of what is left to do.
    """

    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task's name: letters, digits, - and _.")]
    kind: Annotated[Kind, typer.Option(help="What students hand in.")] = "function"
    from_notebook: Annotated[
        Path | None, typer.Option("--from", metavar="NOTEBOOK", help="Published notebook to make it of.")
    ] = None
    out: options.TasksOut = Path("tasks")
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """Generate starter and solution from the author's notebook."""

    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", autocompletion=completion.task_ids)
    ] = None
    check: Annotated[bool, typer.Option("--check", help="Only list notebooks that are out of step.")] = False
    repo_url: options.RepoUrl = None
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class UpgradeOptions:
    """Rewrite a task.toml in the newest form; it means the same."""

    task_name: options.TaskName
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Build a task's data folders, and the zip of the public part."""

    task_name: options.TaskName
    seed: options.Seed = 0
    secret_file: options.DrawSecret = None
    out: options.DataOut = None
    source: options.Source = None
    size: options.SizeName = DEFAULT_SIZE
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class LintOptions:
    """Look for an author's mistakes in notebooks, data and runs.

    The exit code is 1 if something is wrong.
    """

    task_name: options.TaskName
    quick: options.Quick = False
    seeds: options.LintSeeds = 3
    as_json: options.AsJson = False


@dataclass(frozen=True, kw_only=True)
class RedteamOptions:
    """Attack a task with every hostile submission of the corpus.

    The exit code is 1 if one of the attacks is not held.
    """

    task_name: options.TaskName
    names: options.Attacks = None
    corpus: options.Corpus = None
    time_limit: options.AttackSeconds = None
    window: options.AttackWindow = WINDOW
    walls: options.Walls = "any"
    out: options.AttackOut = Path("redteam_runs")
    as_json: options.AsJson = False
