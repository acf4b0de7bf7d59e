"""The plain back end: the same processes without confinement, for students' own machines and `--unsafe`."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from grader.sandbox import process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.sandbox.card import Card
    from grader.task.limits import Limits


def library_command(
    imports: str,
    limits: Limits,
    control_fd: int,
    facts_fd: int,
    *,
    mounts: Sequence[Path] = (),
    card: Card | None = None,
) -> process.ServerCommand:
    """Return how to start a process that forks ordinary processes: the same verdicts, and no protection."""
    del facts_fd  # of bubblewrap
    config = {
        "walls": "plain",
        "forks": True,
        "users": False,
        "private": (),
        "control_fd": control_fd,
        "imports": imports,
        **({"card": []} if card else {}),
    }
    argv = process.command(process.SERVER, process.FILES, process.site_folders(), config)
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    folder = tempfile.gettempdir()
    environment |= process.environment(folder, limits, mounts=process.parent_of(mounts), card=card)
    return process.ServerCommand(argv, environment, folder)
