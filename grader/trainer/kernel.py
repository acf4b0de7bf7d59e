"""Start a trainer's kernel, forked from the fork server or cold, over private Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from grader.sandbox.process import ONE_THREAD
from grader.trainer.fork_server import KERNEL_OPTIONS
from grader.trainer.proxy import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from grader.trainer.fork_server import ForkServer
    from grader.trainer.gpus import Place

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
_KEPT_PREFIXES = ("CUDA", "NVIDIA", "TORCH")


def trainer_environment(device: str) -> dict[str, str]:
    """Return the environment of every trainer and of the fork server, for `device` auto, cuda or cpu.

    Each computes with one thread: jobs on as many cores do not fight then, and points do not depend on how many cores
    there are.
    """
    kept = {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    fixed = ONE_THREAD | {
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS is only deterministic with this
    }
    if device == "cpu":
        fixed["CUDA_VISIBLE_DEVICES"] = ""
    return kept | fixed


@dataclass(frozen=True)
class Launch:
    """What one trainer process is started with; `slot_fd` and `ledger_fd` stay the caller's to close."""

    folder: Path
    log: Path
    slot_fd: int
    ledger_fd: int
    return_mb: int
    device: str
    place: Place
    keep_first_call: bool
    warm: ForkServer | None

    def slot(self) -> dict[str, Any]:
        """Return what the trainer is told of its slot, beside the descriptors."""
        return {
            "return_mb": self.return_mb,
            "card_share": self.place.share,
            "keep_first_call": self.keep_first_call,
        }


class TrainerProvisioner(LocalProvisioner):  # type: ignore[misc] # traitlets are untyped
    """Launch the kernel of a `TrainerKernelManager`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the process and return its connection info."""
        launch: Launch = self.parent.launch
        log = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if launch.warm is None:
                return await self._launch_cold(cmd, launch, log, **kwargs)
            request = {
                "connection_file": self.parent.connection_file,
                "cwd": str(launch.folder),
                "environment": self._environment(launch),
                "slot": launch.slot(),
            }
            self.process = launch.warm.fork(request, [launch.slot_fd, launch.ledger_fd, log])
        finally:
            os.close(log)
        self.pid = self.process.pid
        return self.connection_info

    def _environment(self, launch: Launch) -> dict[str, str]:
        # IPython looks for start-up files in its folder; those of whoever runs the grader must not run here.
        private = os.path.dirname(self.parent.connection_file)  # noqa: PTH120 -- jupyter_client keeps a text
        return trainer_environment(launch.device) | launch.place.environment() | {"IPYTHONDIR": private}

    async def stop(self) -> None:
        """End the trainer and everything it started, at once; jupyter_client's own way polls every 0.1 s."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # nobody of it is left
                os.killpg(self.process.pid, signal.SIGKILL)  # both ways of starting made it lead a group
            await asyncio.to_thread(self.process.wait)

    async def _launch_cold(self, cmd: list[str], launch: Launch, log: int, **kwargs: Any) -> Any:
        slot = launch.slot() | {"socket": launch.slot_fd, "ledger": launch.ledger_fd}
        environment = self._environment(launch) | {ENVIRONMENT: json.dumps(slot)}
        return await super().launch_kernel(
            cmd,
            **kwargs
            | {
                "env": environment,
                "cwd": str(launch.folder),
                "pass_fds": [launch.slot_fd, launch.ledger_fd],
                "stdout": log,
                "stderr": log,
            },
        )


class TrainerKernelManager(AsyncKernelManager):  # type: ignore[misc] # traitlets are untyped
    """A kernel manager for one trainer, with its sockets in `sockets`, a folder only we can enter."""

    def __init__(self, launch: Launch, sockets: Path) -> None:
        super().__init__(transport="ipc", ip=str(sockets / "k"), connection_file=str(sockets / "kernel.json"))
        self.launch = launch
        command = [
            sys.executable,
            "-P",
            "-m",
            "grader.trainer.network",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ]
        self._kernel_spec = KernelSpec(
            argv=[*command, *KERNEL_OPTIONS],
            language="python",
            display_name="trainer",
            metadata={"kernel_provisioner": {"provisioner_name": "grader-trainer"}},
        )
