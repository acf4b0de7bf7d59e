"""Prepare the tasks of a contest for grading: hidden data from a secret per task, which only this process reads."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.contest.store import GRADING
from grader.files import MADE, reporting_os_errors
from grader.gradebook.run_settings import RunSettings
from grader.task.data import prepare, zip_folder
from grader.task.evaluation import HANDED_OUT, prepare_repeats, resolve_source
from grader.task.secret import SECRET_FILE, secret_for
from grader.task.seeds import Seeds
from grader.task.spec import DEFAULT_SIZE, load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from grader.contest.folder import ContestFolder
    from grader.contest.spec import ContestTask
    from grader.notebooks.reading import Json
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


@dataclass(frozen=True)
class GradedTask:
    """A task with what it is graded with, and the folder of its results, which all commands for results read."""

    task: Task
    starter: Json
    repeats: list[Repeat]
    settings: RunSettings
    out: Path


@dataclass(frozen=True)
class GradingChoices:
    """How a machine grades: `device` and `walls` as in RunSettings; `repeats` None are those of each task."""

    device: str = "auto"
    walls: str = "any"
    repeats: int | None = None


def task_of_contest(contest: ContestFolder, task: ContestTask) -> Task:
    """Return the task that contest.toml names: a folder seen from it, or a task's name. Raises UsageError."""
    beside = contest.store.folder / task.name
    return load_task(f"{beside}/" if (beside / "task.toml").is_file() else task.name)


def prepare_grading(contest: ContestFolder, choices: GradingChoices) -> dict[str, GradedTask]:
    """Return every task of a contest ready for grading, by id; secrets and hidden data are made where they are missing.

    Raises UsageError where a task, its starter or its data cannot be read.
    """
    return {task.id: prepare_task(contest, task, choices) for task in contest.spec.tasks}


def prepare_task(contest: ContestFolder, named: ContestTask, choices: GradingChoices) -> GradedTask:
    """Return one task of a contest ready for grading, as `prepare_grading` does."""
    task = task_of_contest(contest, named)
    out = contest.store.folder / GRADING / task.id
    with reporting_os_errors(MADE, out):
        out.parent.mkdir(exist_ok=True, mode=0o700)
        out.mkdir(exist_ok=True, mode=0o700)
    size, secret = task.size(DEFAULT_SIZE), task_secret(task, out)
    settings = RunSettings.from_json(
        {
            "device": choices.device,
            "walls": choices.walls,
            "wall_seconds": size.wall_seconds,
            "repeats": choices.repeats or task.spec.repeats,
            "source": resolve_source(size.source, task.folder),
            "seed_version": RunSettings().seed_version,
            "secret_file": None if task.spec.runs_code or not secret else str((out / SECRET_FILE).resolve()),
        }
    )
    repeats = prepare_repeats(
        task,
        secret,
        out / "evaluation",
        repeats=settings.repeats,
        source=settings.source or "",
        seed_version=settings.seed_version,
    )
    return GradedTask(task, load_starter(task), repeats, settings, out)


def task_secret(task: Task, out: Path) -> bytes:
    """Return the secret of a task; one of files has its own only where the organiser packed the data with it, and put it there."""
    if not task.spec.runs_code and not (out / SECRET_FILE).is_file():
        return b""
    return secret_for(out, None)


def handed_out_zip(contest: ContestFolder, named: ContestTask) -> bytes:
    """Return the zip of the data of a task of files that belong to the answers with which the contest grades it.

    Raises UsageError where they cannot be built.
    """
    task = task_of_contest(contest, named)
    secret = task_secret(task, contest.store.folder / GRADING / task.id)
    seed = Seeds.of(secret, task.id).derive("data", 0) if secret else HANDED_OUT
    source = resolve_source(task.spec.data.source, task.folder)
    with tempfile.TemporaryDirectory(prefix="grader-public-") as scratch:
        made, whole = Path(scratch) / "made", Path(scratch) / "whole"
        prepare(task, made, seed=seed, source=source)
        (whole / "data").mkdir(parents=True)
        (made / "public").rename(whole / "data" / task.id)  # beside the notebook, which looks there
        zip_folder(whole, made / "whole.zip")
        return (made / "whole.zip").read_bytes()
