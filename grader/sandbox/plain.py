"""The plain back end: the same processes without confinement, for students' own machines and `--unsafe`."""

from __future__ import annotations

import os
import tempfile

from grader.sandbox import process


def library_command(imports: str, processes: int, control_fd: int, facts_fd: int) -> process.ServerCommand:
    """Return how to start a process that forks ordinary processes: the same verdicts, and no protection."""
    del facts_fd  # of bubblewrap
    config = {"forks": True, "confined": False, "filter": "", "users": None, "private": ()}
    config |= {"control_fd": control_fd, "imports": imports}
    argv = process.command(process.SERVER, process.FILES, process.site_folders(), config)
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    folder = tempfile.gettempdir()
    return process.ServerCommand(argv, environment | process.environment(folder, processes), folder)
