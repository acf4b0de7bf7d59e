"""The plain back end: the same process without confinement, for students' own machines and `--unsafe`."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from grader.sandbox import process
from grader.sandbox.session import SlotSandbox

if TYPE_CHECKING:
    from grader.task.spec import Limits


class PlainSandbox(SlotSandbox):
    """Slots in ordinary child processes: the same verdicts, and no protection from what they do."""

    def __init__(self, limits: Limits, imports: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="slot-", ignore_cleanup_errors=True)

        def prepare(control_fd: int, _facts_fd: int) -> process.ServerCommand:
            config = process.config_of(limits, imports, control_fd=control_fd)
            config |= {"confined": False, "users": None, "private": ()}
            argv = process.command(process.SERVER, process.FILES, process.site_folders(), config)
            environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
            environment |= process.environment(self._folder.name, limits.processes)
            return process.ServerCommand(argv, environment, self._folder.name)

        super().__init__("plain process", limits, lambda: process.ServerProcess(prepare))

    def close(self) -> None:
        """End everything and remove the working folder. Idempotent."""
        super().close()
        self._folder.cleanup()
