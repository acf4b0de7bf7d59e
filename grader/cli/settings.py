"""Turn what a caller asks for into settings, hidden data and an engine, as far as this machine can."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.errors import UsageError
from grader.grading import engine as engines
from grader.grading.plan import Settings
from grader.grading.ray.engine import Cluster
from grader.sandbox.proof import confines
from grader.task.evaluation import prepare_repeats, secret_for
from grader.trainer.gpus import Cards, cards, split

if TYPE_CHECKING:
    from grader.cli.commands import GradeOptions, RegradeOptions
    from grader.grading.engine import Engine
    from grader.sandbox import Backend
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


def settings_for(device: str, wall_seconds: float, *, backend: Backend) -> Settings:
    """Return settings that this machine can keep.

    Raises UsageError where it has no CUDA device and one is asked for.
    """
    if device == "cuda" and not cards():
        raise UsageError("--device cuda: PyTorch finds no CUDA device here; use auto or cpu")
    return Settings(device, wall_seconds, backend)


def engine_for(options: GradeOptions | RegradeOptions) -> tuple[Engine, int]:
    """Return what runs the submissions, which the caller closes, and how many at a time."""
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


def local_engine(cards: Cards | None = None, *, kept: int = 0) -> Engine:
    """Return an engine of this machine, which the caller closes: the one way in which commands get theirs."""
    return engines.LocalEngine(cards, kept=kept)


def recreate(
    task: Task, out: Path, told: dict[str, Any], *, here: bool = True
) -> tuple[Settings, list[Repeat]]:
    """Return the settings and the repeats that `told` describes; the secret is that of `out` unless a file is named.

    Raises UsageError where this machine cannot keep them, if it is `here` that trainers run.
    """
    if here and not told["unsafe"] and not confines():
        raise UsageError("no working sandbox here (see: grader doctor); --unsafe grades without one")
    backend: Backend = "plain" if told["unsafe"] else "bubblewrap"
    make = settings_for if here else Settings
    settings = make(told["device"], told["time_limit"], backend=backend)
    secret = secret_for(out, Path(told["secret_file"]) if told["secret_file"] else None)
    number, source, size = told["repeats"], told["source"], told["size"]
    return settings, prepare_repeats(
        task, secret, out / "evaluation", repeats=number, source=source, size=size
    )


def made(out: Path) -> Path:
    """Return `out`, a folder now. Raises UsageError where it cannot be one."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be a folder of results: {error.strerror}") from error
    return out
