"""Build the data of a task for the checks: what `grader prepare` builds, and what final evaluations use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.lint.task.arrays import Column, columns
from grader.task.data import prepare
from grader.task.evaluation import HANDED_OUT, prepare_repeats, resolve_source
from grader.task.spec import DEFAULT_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

_SECRET = b"seeds of grader lint"
_TEST = re.compile(r"test($|[^a-z])")


@dataclass(frozen=True)
class Hidden:
    """The hidden data of one seed: the trainer's inputs, and the answers."""

    inputs: Path
    answers: Path

    @cached_property
    def columns(self) -> list[Column]:
        """All columns that the trainer gets."""
        return columns(self.inputs)

    @property
    def test(self) -> list[Column]:
        """The columns to predict for: those called test, or in a folder of that name."""
        return [column for column in self.columns if any(map(_TEST.match, column.name.split("/")))]

    @property
    def test_files(self) -> list[Path]:
        """The files of the hidden test."""
        files = [path for path in sorted(self.inputs.rglob("*")) if path.is_file()]
        return [path for path in files if any(map(_TEST.match, path.relative_to(self.inputs).parts))]

    @property
    def answer_files(self) -> list[Path]:
        """The files of the answers, those for people included."""
        return [path for path in sorted(self.answers.rglob("*")) if path.is_file()]

    @cached_property
    def truth(self) -> dict[str, NDArray[Any]]:
        """The arrays of answers by name: labels, (n,) integers each, or whatever the task measures."""
        with np.load(self.answers / "answers.npz", allow_pickle=False) as opened:
            return dict(opened)


@dataclass(frozen=True)
class TaskData:
    """The folder of `grader prepare`, and the repeats of a final evaluation, each with seeds of its own."""

    prepared: Path
    repeats: list[Repeat]

    @property
    def public(self) -> Path:
        """The folder that students get."""
        return self.prepared / "public"

    @cached_property
    def public_columns(self) -> list[Column]:
        """All columns that students get."""
        return columns(self.public)

    @cached_property
    def hidden(self) -> list[Hidden]:
        """The hidden data: first those built together with the public folder, then those of every repeat."""
        inputs = self.prepared / "inputs"  # of a task of files, students get all of it
        prepared = Hidden(inputs if inputs.is_dir() else self.public, self.prepared / "answers")
        return [prepared, *(Hidden(repeat.inputs, repeat.answers.parent) for repeat in self.repeats)]


def build_task_data(
    task: Task,
    folder: Path,
    *,
    seeds: int,
    source: str = "",
    size: str = DEFAULT_SIZE,
    seed: int = HANDED_OUT,
) -> TaskData:
    """Build the data in `folder`, by default from the source of the task; `seed` is that of what is handed out.

    Raises UsageError where the task's data.py cannot.
    """
    source = source or resolve_source(task.size(size).source, task.folder)
    prepare(task, folder / "prepared", seed=seed, source=source, size=size)
    repeats = prepare_repeats(task, _SECRET, folder / "evaluation", repeats=seeds, source=source, size=size)
    return TaskData(folder / "prepared", repeats)
