"""What a batch is graded with, who watches it, and what a worker is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from grader.gradebook.result import Result
    from grader.sandbox import Backend
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


@dataclass(frozen=True)
class Settings:
    """How a batch is graded. `backend` "plain" has no confinement and is for rehearsals, or for `--unsafe`."""

    device: str
    wall_seconds: float
    backend: Backend


class Watcher(Protocol):
    """Who wants to know how a batch is going; called from several threads."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Note that a share in [0, 1] of the cells of a repeat has run."""

    def on_known(self, count: int) -> None:
        """Note that so many submissions need no run, because their results are recorded."""

    def on_result(self, result: Result) -> None:
        """Note that a submission is done and recorded."""

    def on_notice(self, text: str) -> None:
        """Pass on something the caller should know."""


@dataclass(frozen=True)
class Order:
    """What an engine needs beside the submissions, of which it runs `jobs` at a time on this machine.

    `warm` False starts every trainer from nothing.
    """

    task: Task
    starter: dict[str, Any]
    repeats: list[Repeat]
    settings: Settings
    context: str
    warm: bool
    jobs: int = 1
