"""A papermill engine that runs protected cells in the trainer and leaves the slot to the sandbox.

Selected with `papermill.execute_notebook(..., engine_name="grader", trainer_run=TrainerRun(...))`.
papermill loads its engines while it is imported, so papermill must be imported before this module, never by it.
"""

from __future__ import annotations

import asyncio
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

import nbformat
import zmq
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine

from grader.errors import GraderFault
from grader.notebooks.reading import tags
from grader.notebooks.slots import is_slot
from grader.sandbox.process import cpu_seconds
from grader.trainer.kernel import TrainerKernelManager

if TYPE_CHECKING:
    from grader.trainer.job import TrainerRun

_START_SECONDS = 60
_RECONNECT_MILLISECONDS = 5
_LATE_SECONDS = 5  # a clock that is noticed this late says nothing about what it measured
_STOP_SECONDS = 0.2  # how soon Ctrl-C is noticed


class WallClockExceeded(Exception):  # noqa: N818 -- an event, not an error of the code
    """The cells took longer than their wall clock."""


class TrainerClient(PapermillNotebookClient):  # type: ignore[misc] # traitlets are untyped
    """An nbclient that is ready as soon as the kernel answers on both channels."""

    async def wait_until_ready(self) -> None:
        """Connect to the started kernel.

        jupyter_client's own wait drains the output channel until it has been silent for 0.2 s; messages carry
        the id of their request, so nothing needs draining. Raises RuntimeError where the kernel does not answer.
        """
        self.kc = self.km.client()
        # The first try comes before the kernel has bound its sockets; by default the next one comes 0.1 s later.
        self.kc.context.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MILLISECONDS)
        self.kc.start_channels()
        self.kc.allow_stdin = False
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            request = self.kc.kernel_info()
            try:
                await self.kc.get_shell_msg(timeout=1)
                while True:
                    message = await self.kc.get_iopub_msg(timeout=0.03)
                    if message["parent_header"].get("msg_id") == request:
                        return
            except Empty:
                if not await self.km.is_alive():
                    break
        raise RuntimeError("the trainer's kernel did not answer")


class TrainerEngine(Engine):  # type: ignore[misc] # papermill is untyped
    """Run the cells of a rebuilt notebook in one trainer."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        """Execute the notebook of `nb_man`; `kwargs["trainer_run"]` says how.

        A cell that fails ends the run and is marked in the notebook, as with papermill's own engine. Raises
        WallClockExceeded when time is up.
        """
        del kernel_name  # the trainer's kernel is ours, whatever the notebook's metadata name
        run: TrainerRun = kwargs["trainer_run"]
        run.notebook = nb_man.nb
        asyncio.run(_execute(nb_man, run))


async def _execute(nb_man: Any, run: TrainerRun) -> None:
    wall_seconds = run.job.settings.wall_seconds
    manager = TrainerKernelManager(run)
    client = TrainerClient(nb_man, km=manager, timeout=None, raise_on_iopub_timeout=False)
    try:
        await manager.start_kernel()
        await client.wait_until_ready()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(wall_seconds) as clock:
                watching = asyncio.create_task(_expire_when(run, clock))
                await _execute_cells(nb_man, client, run)
        except (TimeoutError, DeadKernelError):
            # nbclient takes being cancelled for the death of its kernel.
            late = time.monotonic() - begun - wall_seconds
            if clock.expired() and late > _LATE_SECONDS:
                raise GraderFault(f"the grader itself was held up for {late:.0f} s") from None
            if clock.expired():
                raise WallClockExceeded(wall_seconds) from None
            raise
        finally:
            watching.cancel()
            run.cell_seconds = time.monotonic() - begun
            run.cpu_seconds = cpu_seconds(manager.provisioner.pid)
    finally:
        await _stop(manager, client)


async def _expire_when(run: TrainerRun, clock: asyncio.Timeout) -> None:
    """Let the clock run out as soon as the batch is to stop, or a program has used up its own."""
    while not run.job.stopping.is_set() and not (run.watch and run.watch.is_over()):  # noqa: ASYNC110 -- of another thread
        await asyncio.sleep(_STOP_SECONDS)
    clock.reschedule(asyncio.get_running_loop().time())


async def _execute_cells(nb_man: Any, client: TrainerClient, run: TrainerRun) -> None:
    cells = nb_man.nb.cells
    for index, cell in enumerate(cells):
        run.job.on_cell(index, len(cells))
        nb_man.cell_start(cell, index)
        try:
            if cell.cell_type == "code":
                await _execute_cell(client, cell, index, run)
        except CellExecutionError as error:
            nb_man.cell_exception(cell, cell_index=index, exception=error)
            return
        finally:
            nb_man.cell_complete(cell, cell_index=index)
    run.job.on_cell(len(cells), len(cells))


async def _execute_cell(client: TrainerClient, cell: Any, index: int, run: TrainerRun) -> None:
    """Run one code cell; in place of the first slot, bind the entries of all to the sandbox."""
    if not is_slot(cell) and "slot-imports" not in tags(cell):  # both belong to the sandbox
        await client.async_execute_cell(cell, index)
    elif is_slot(cell) and not any(map(is_slot, client.nb.cells[:index])):
        entries = run.job.task.spec.entries
        names = ", ".join(entries)
        binding = nbformat.v4.new_code_cell(
            f"from grader.trainer.binding import open_slot\n[{names}] = open_slot({list(entries)!r})"
        )
        try:
            await client.async_execute_cell(binding, index)
        finally:
            cell.execution_count = binding.execution_count
            cell.outputs = binding.outputs
            client.nb.cells[index] = cell  # nbclient puts what it executed in this place


async def _stop(manager: TrainerKernelManager, client: TrainerClient) -> None:
    if client.kc is not None:
        client.kc.stop_channels()
    if manager.provisioner is not None:
        await manager.provisioner.stop()
    await manager.cleanup_resources()
