"""Start a trainer's kernel, forked from the fork server or cold, over private Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from grader.sandbox.alone import kill_tree
from grader.sandbox.inside import huge_pages
from grader.sandbox.process import ONE_THREAD
from grader.trainer.fork_server import KERNEL_OPTIONS
from grader.trainer.proxy import ENVIRONMENT

if TYPE_CHECKING:
    from grader.trainer.job import RepeatJob, TrainerRun

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
    fixed = {
        **ONE_THREAD,
        **huge_pages.ENVIRONMENT,
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS is only deterministic with this
    }
    if device == "cpu":
        fixed["CUDA_VISIBLE_DEVICES"] = ""
    return kept | fixed


class TrainerProvisioner(LocalProvisioner):  # type: ignore[misc] # traitlets are untyped
    """Launch the kernel of a `TrainerKernelManager`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the process and return its connection info."""
        run: TrainerRun = self.parent.trainer_run
        log = os.open(run.job.folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if run.job.server is None:
                return await self._launch_cold(cmd, run, log, **kwargs)
            request = {
                "connection_file": self.parent.connection_file,
                "cwd": str(run.job.folder.path),
                "environment": self._environment(run.job),
                "slot": run.slot(),
            }
            self.process = run.job.server.fork(request, [run.slot_fd, run.ledger_fd, log])
        finally:
            os.close(log)
        self.pid = self.process.pid
        return self.connection_info

    def _environment(self, job: RepeatJob) -> dict[str, str]:
        # IPython looks for start-up files in its folder; those of whoever runs the grader must not run here.
        private = os.path.dirname(self.parent.connection_file)  # noqa: PTH120 -- jupyter_client keeps a text
        return trainer_environment(job.settings.device) | job.place.environment() | {"IPYTHONDIR": private}

    async def stop(self) -> None:
        """End the trainer and everything it started, at once; jupyter_client's own way polls every 0.1 s."""
        if self.process is None:
            return
        if self.parent.trainer_run.exchange:
            kill_tree(self.process.pid)
        else:
            with contextlib.suppress(ProcessLookupError):  # nobody of it is left
                os.killpg(self.process.pid, signal.SIGKILL)  # both ways of starting made it lead a group
        await asyncio.to_thread(self.process.wait)

    async def _launch_cold(self, cmd: list[str], run: TrainerRun, log: int, **kwargs: Any) -> Any:
        if run.exchange:
            return await self._launch_without_descriptors(cmd, run, log, **kwargs)
        slot = run.slot() | {"socket": run.slot_fd, "ledger": run.ledger_fd}
        environment = self._environment(run.job) | {ENVIRONMENT: json.dumps(slot)}
        return await super().launch_kernel(
            cmd,
            **kwargs
            | {
                "env": environment,
                "cwd": str(run.job.folder.path),
                "pass_fds": [run.slot_fd, run.ledger_fd],
                "stdout": log,
                "stderr": log,
            },
        )

    async def _launch_without_descriptors(
        self, cmd: list[str], run: TrainerRun, log: int, **kwargs: Any
    ) -> Any:
        """Start it as on Windows: with the whole environment, and names in place of descriptors."""
        slot = run.slot() | {"ledger": run.ledger_path}
        environment = dict(os.environ) | self._environment(run.job) | {ENVIRONMENT: json.dumps(slot)}
        own = {"env": environment, "cwd": str(run.job.folder.path), "stdout": log, "stderr": log}
        return await super().launch_kernel(cmd, **kwargs | own)


class TrainerKernelManager(AsyncKernelManager):  # type: ignore[misc] # traitlets are untyped
    """A kernel manager for one trainer."""

    def __init__(self, run: TrainerRun) -> None:
        sockets = run.sockets
        own = {} if run.exchange else {"transport": "ipc", "ip": str(sockets / "k")}
        super().__init__(connection_file=str(sockets / "kernel.json"), **own)
        self.trainer_run = run
        offline = (
            [] if run.exchange else ["grader.trainer.network"]
        )  # a slot that is called needs this machine's network
        command = [sys.executable, "-P", "-m", *offline, "ipykernel_launcher", "-f", "{connection_file}"]
        self._kernel_spec = KernelSpec(
            argv=[*command, *KERNEL_OPTIONS],
            language="python",
            display_name="trainer",
            metadata={"kernel_provisioner": {"provisioner_name": "grader-trainer"}},
        )
