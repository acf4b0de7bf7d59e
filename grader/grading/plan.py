"""What a batch is graded with, and who watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from grader.notebooks.imports import imported_modules
from grader.notebooks.reading import source, tagged
from grader.trainer.fork_server import FORK_SAFE

if TYPE_CHECKING:
    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.notebooks.reading import Json
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


class Watcher(Protocol):
    """Who wants to know how a batch is going; called from several threads."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Note that a share in [0, 1] of the cells of a repeat has run."""

    def on_line(self, student: str, line: str) -> None:
        """Note a line that a student's program printed, now and then the last."""

    def on_known(self, count: int) -> None:
        """Note that so many submissions need no run, because their results are recorded."""

    def on_result(self, result: Result) -> None:
        """Note that a submission is done and recorded."""

    def on_notice(self, text: str) -> None:
        """Pass on something the caller should know."""


@dataclass(frozen=True)
class RunContext:
    """What all submissions of a batch are graded with; plain values, so that it can travel to another machine.

    `key` stands for all that decides predictions beside the slot (see `context_key`), also in the names of what is kept
    from run to run. `jobs` submissions run at a time on one machine.
    """

    task: Task
    starter: Json
    repeats: list[Repeat]
    settings: RunSettings
    key: str
    jobs: int = 1

    @property
    def imports(self) -> str:
        """The protected cell that runs before the slot."""
        return "\n".join(source(cell) for cell in tagged(self.starter, "slot-imports"))

    @property
    def trainer_modules(self) -> frozenset[str]:
        """What a trainer imports and a process that forks trainers may import ahead of it."""
        return imported_modules(self.starter, FORK_SAFE)
