"""A folder for every run of a submission: made new, never overwritten, and on the disk before its result counts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.gradebook.result import Result

_NAME_BYTES = 80


def new_run_folder(runs: Path, student: str) -> Path:
    """Create the next free folder of this student; an existing one is never touched."""
    name = re.sub(r"[^\w.-]+", "_", student).strip("._") or "student"
    if len(name.encode()) > _NAME_BYTES:  # file systems count bytes, and allow 255
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:_NAME_BYTES].decode(errors='ignore')}-{digest}"
    parent = runs / name
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / f"run-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def run_folder(out: Path, result: Result) -> Path:
    """Return where the files of a result are, also after `out` was moved."""
    moved = out / Path(*Path(result.run_folder).parts[-3:])
    return moved if moved.is_dir() else Path(result.run_folder)


def keep_traceback(folder: Path) -> None:
    """Write the exception that is being handled to `grader_error.txt`."""
    with contextlib.suppress(OSError):  # the disk may be full, which is perhaps what it would say
        (folder / "grader_error.txt").write_text(traceback.format_exc(), encoding="utf-8")


def settle(folder: Path) -> None:
    """Force a run folder to the disk, so that no recorded result names files that a power cut took.

    Raises OSError where the disk does not take it.
    """
    below = [Path(place, name) for place, _, names in os.walk(folder) for name in (*names, ".")]
    for path in [*below, folder.parent, folder.parent.parent]:  # the folders that name it, too
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
