"""Turn what a caller asks for into an engine and hidden data, as far as this machine can."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli import output
from grader.cli.data_source import source_of
from grader.errors import UsageError
from grader.files import reporting_os_errors
from grader.grading import engine as engines
from grader.grading.program_cards import ProgramCards, refuse_gpu
from grader.grading.ray.engine import Cluster
from grader.sandbox.card import installed_cards
from grader.sandbox.proof import find_walls, stand
from grader.task.evaluation import prepare_repeats
from grader.task.secret import refuse_weak_secret, secret_for
from grader.trainer.gpus import Cards, cards, identities, numbers, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.cli.commands import GradeOptions, RegradeOptions
    from grader.cli.contest_commands import ContestWorkerOptions
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.engine import Engine
    from grader.sandbox.card import Card
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


def check_machine(settings: RunSettings, task: Task) -> None:
    """Raise UsageError where this machine cannot keep `settings`: no working sandbox for the task, no CUDA device."""
    if not task.spec.runs_code:
        return
    if settings.walls == "any":
        walls, reasons = find_walls(task.spec.limits)
        if walls is None:
            raise UsageError(
                f"no working sandbox here (see: grader doctor); --unsafe grades without one: {reasons}"
            )
    elif settings.walls != "plain" and not stand(settings.walls):
        raise UsageError(f"--walls {settings.walls}: they do not stand here (see: grader doctor)")
    check_device(settings)


def check_device(settings: RunSettings) -> None:
    """Raise UsageError where a CUDA device is asked for and there is none."""
    if settings.device == "cuda" and not cards():
        raise UsageError("--device cuda: PyTorch finds no CUDA device here; use auto or cpu")


def engine_for(
    options: GradeOptions | RegradeOptions | ContestWorkerOptions, tasks: Sequence[Task]
) -> tuple[Engine, int]:
    """Return what runs the submissions of `tasks`, which the caller closes, and how many at a time."""
    alone = cards_for_programs(tasks, allow_gpu=options.allow_gpu, gpus=options.gpus)
    if alone and options.engine == "ray":
        raise UsageError("--allow-gpu is for one machine: a Ray cluster gives programs no GPU")
    if alone:
        queue = Cards([card.name for card in alone], options.per_gpu)
        workers = min(options.jobs or len(alone), queue.places)
        return local_engine(queue, programs=ProgramCards(alone, queue)), workers
    if options.engine == "ray":
        if options.gpus:
            raise UsageError("--gpus is for one machine; a Ray cluster knows its GPUs, --per-gpu packs them")
        cluster = Cluster(options.ray_address, per_gpu=options.per_gpu, shared=options.shared)
        return cluster, options.jobs or 1
    if options.per_gpu > 1 and options.gpus is None:
        raise UsageError("--per-gpu goes with --gpus, or with --engine ray")
    if options.ray_address or options.shared:
        raise UsageError("--ray-address and --shared go with --engine ray")
    if options.gpus is None:
        workers, cores = options.jobs or 1, os.cpu_count() or 1
        if workers > cores:
            output.warn(f"{workers} jobs share {cores} cores: runs get slower and may meet the time limit")
        return local_engine(), workers
    try:
        packed = Cards(split(options.gpus, cards()), options.per_gpu)
    except ValueError as error:
        raise UsageError(f"--gpus: {error}") from error
    workers = min(options.jobs or packed.places, packed.places)
    return local_engine(packed), workers


def local_engine(
    cards: Cards | None = None, *, programs: ProgramCards | None = None, kept: int = 0
) -> Engine:
    """Return an engine of this machine, which the caller closes: the one way in which commands get theirs."""
    return engines.LocalEngine(cards, programs=programs, kept=kept)


def program_cards(tasks: Sequence[Task], *, allow_gpu: bool) -> ProgramCards | None:
    """Return this machine's GPUs for programs of `tasks`; None where none gives them any. Raises as `cards_for_programs`."""
    alone = cards_for_programs(tasks, allow_gpu=allow_gpu)
    return ProgramCards(alone) if alone else None


def cards_for_programs(tasks: Sequence[Task], *, allow_gpu: bool, gpus: str | None = None) -> list[Card]:
    """Return the GPUs that `gpus` names, for programs of `tasks`; none where no task gives programs one.

    Warns what it is. Raises UsageError where nobody allows it, or this machine has no such GPU.
    """
    for task in tasks:
        refuse_gpu(task, allowed=allow_gpu)
    if not any(task.spec.limits.gpu for task in tasks):
        return []
    names, installed = identities(), installed_cards()
    if not names:
        raise UsageError("--allow-gpu: PyTorch finds no CUDA device here")
    try:
        chosen = [names[number] for number in numbers(gpus or "all", len(names))]
    except ValueError as error:
        raise UsageError(f"--gpus: {error}") from error
    if unknown := [name for name in chosen if name not in installed]:
        raise UsageError(f"--allow-gpu: the driver names no device nodes of {', '.join(unknown)}")
    output.warn(
        "--allow-gpu: programs get a GPU behind walls that were never tested on a device; see SECURITY.md"
    )
    return [installed[name] for name in chosen]


def hidden_data(task: Task, out: Path, settings: RunSettings) -> list[Repeat]:
    """Return the repeats that `settings` describe; the secret is that of `out` unless a file is named.

    A task of files has none unless one is named: its data are those that were handed out.

    Raises UsageError where they cannot be built, or the secret is easily guessed and no results are older than that rule.
    """
    secret_file = Path(settings.secret_file) if settings.secret_file else None
    if secret_file is not None and settings.seed_version > 1:
        refuse_weak_secret(secret_file)
    if not task.spec.runs_code and settings.repeats > 1:
        raise UsageError(f"{task.id} is a task of files, which has one evaluation; call it without --repeats")
    is_drawn = not task.spec.runs_code and secret_file is None
    secret = b"" if is_drawn else secret_for(out, secret_file)
    source = settings.source or source_of(task, None, settings.size)
    folder = out / "evaluation"
    return prepare_repeats(
        task,
        secret,
        folder,
        repeats=settings.repeats,
        source=source,
        size=settings.size,
        seed_version=settings.seed_version,
    )


def made(out: Path) -> Path:
    """Return `out`, a folder now. Raises UsageError where it cannot be one."""
    with reporting_os_errors("cannot be a folder of results", out):
        out.mkdir(parents=True, exist_ok=True)
    return out
