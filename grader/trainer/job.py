"""What a trainer is to do: one repeat of a submission, and one run of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grader.sandbox.process import crossing_of
from grader.trainer.gpus import ANYWHERE, Place
from grader.trainer.proxy import Boundary

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from grader.gradebook.run_folder import RepeatFolder
    from grader.gradebook.run_settings import RunSettings
    from grader.task.evaluation import Repeat
    from grader.task.spec import Spec, Task
    from grader.trainer.fork_server import ForkServer
    from grader.trainer.program_watch import ProgramWatch


def boundary_of(spec: Spec) -> Boundary:
    """Return what the task lets cross, and what a call that fails costs."""
    methods = {name: list(methods) for name, methods in spec.methods.items()}
    stages = tuple(stage.model_dump(mode="json") for stage in spec.stages)
    return Boundary(crossing_of(spec.limits), spec.on_error, spec.item_default, methods, stages)


@dataclass(frozen=True)
class RepeatJob:
    """One repeat of a submission. `folder`, an absolute path, receives every file of it.

    `server` forks the trainer, None starts it cold. `on_cell` gets (cells done, cells in all), `on_line` a line that
    a program printed, now and then the last.
    """

    task: Task
    repeat: Repeat
    settings: RunSettings
    folder: RepeatFolder
    server: ForkServer | None
    on_cell: Callable[[int, int], None]
    stopping: threading.Event
    place: Place = ANYWHERE
    keep_first_call: bool = False
    on_line: Callable[[str], None] = lambda _: None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the notebook."""
        return {
            "FINAL_EVALUATION_MODE": True,
            "DATA_PATH": str(self.repeat.inputs.resolve()),
            "PREDICTIONS_PATH": str(self.folder.predictions),
            "SEED": self.repeat.trainer_seed,
            "DEVICE": self.settings.device,
        }


@dataclass
class TrainerRun:
    """One trainer at work on a job. Its ends of the slot and of the ledger stay the caller's to close.

    Where the trainer cannot be handed these, `exchange` says how it reaches its slot, and `ledger_path` where the ledger is.

    `sockets` is a folder for those of the kernel, which only we can enter. The engine leaves the executed notebook, the wall
    seconds of its cells and the trainer's processor seconds here, because papermill returns none when a cell fails.
    """

    job: RepeatJob
    slot_fd: int
    ledger_fd: int
    sockets: Path
    exchange: dict[str, Any] | None = None
    ledger_path: str = ""
    watch: ProgramWatch | None = None
    notebook: Any = None
    cell_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def slot(self) -> dict[str, Any]:
        """Return what the trainer needs to know of its slot, beside the descriptors."""
        return {
            "exchange": self.exchange,
            "boundary": asdict(boundary_of(self.job.task.spec)),
            "card_share": self.job.place.share,
            "keep_first_call": self.job.keep_first_call,
        }
