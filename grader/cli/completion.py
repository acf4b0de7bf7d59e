"""What a shell may complete: names that are read off folders, so that a keystroke imports nothing that grades."""

from __future__ import annotations

import contextlib
from pathlib import Path

import typer

from grader.errors import UsageError
from grader.redteam.corpus import CLASSES, corpus_folder
from grader.task.spec import DEFAULT_SIZE, load_task, task_folders

_SOURCES = ("embedded", "npz:", "torchvision:")


def task_ids(incomplete: str) -> list[str]:
    """Return the ids of the tasks; a path is the shell's own to complete."""
    ids = {path.parent.name for folder in task_folders() for path in folder.glob("*/task.toml")}
    return sorted(name for name in ids if name.startswith(incomplete))


def sizes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sizes of the task that is named before them, or only the one that all have."""
    named = [ctx.params.get("task_name"), *ctx.args]  # in `args` while the option has no value yet
    known = [DEFAULT_SIZE]
    with contextlib.suppress(UsageError):  # the command itself will say what is wrong
        known += load_task(next(filter(None, named), "")).spec.sizes
    return [name for name in known if name.startswith(incomplete)]


def sources(incomplete: str) -> list[str]:
    """Return how a data source begins."""
    return [name for name in _SOURCES if name.startswith(incomplete)]


def attacks(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the classes of attacks, and the names of those of the corpus."""
    folder = Path(ctx.params.get("corpus") or corpus_folder())
    names = [path.stem.replace("_", "-") for path in sorted(folder.glob("*.py"))]
    return [name for name in (*CLASSES, *names) if name.startswith(incomplete)]
