"""Check that the folders which a student's program may read hold nothing hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.findings import Finding, found
from grader.lint.task.arrays import columns
from grader.lint.task.leaks import answers_in, same_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.lint.task.data_sets import TaskData


def check_mounts(mounts: Sequence[Path], data: TaskData) -> Finding:
    """Check that no mounted folder holds hidden answers or a file of the hidden test."""
    wrong: list[str] = []
    for mount in mounts:
        known = columns(mount)
        for hidden in data.hidden:
            wrong += same_files([*hidden.answer_files, *hidden.test_files], mount)
            wrong += answers_in(mount, known, hidden, mount.name)
    megabytes = sum(path.stat().st_size for mount in mounts for path in mount.rglob("*")) / (1 << 20)
    listed = ", ".join(mount.name for mount in mounts)
    return found(
        "mounts", wrong, f"{listed}: {megabytes:.3g} MB, no hidden answers and no file of the hidden test"
    )
