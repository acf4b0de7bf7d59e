"""Name every file of a run of a submission: a folder created new, never overwritten, on the disk before it counts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.gradebook.result import Result

_NAME_BYTES = 80
_REPEAT = re.compile(r"repeat-(\d{1,4})")


@dataclass(frozen=True)
class RepeatFolder:
    """The folder of one repeat of a run."""

    path: Path

    @property
    def number(self) -> int:
        """The number of the repeat, from 0."""
        return int(self.path.name.rpartition("-")[2])

    @property
    def rebuilt(self) -> Path:
        """Our notebook with the student's slot, as the trainer was given it."""
        return self.path / "rebuilt.ipynb"

    @property
    def executed(self) -> Path:
        """The notebook with its outputs, as far as it came."""
        return self.path / "executed.ipynb"

    @property
    def predictions(self) -> Path:
        """What the notebook predicted, and scoring reads."""
        return self.path / "predictions.npz"

    @property
    def history(self) -> Path:
        """The training history that the notebook's own cells saved, if they did."""
        return self.path / "history.json"

    @property
    def log(self) -> Path:
        """What the trainer's process wrote to its standard streams."""
        return self.path / "trainer.log"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run of a submission; only `create` makes one."""

    path: Path

    @classmethod
    def create(cls, runs: Path, student: str) -> RunFolder:
        """Create the next free folder of a student in `runs`; an existing one is never touched.

        Raises OSError where that cannot be done.
        """
        parent = runs / _folder_name(student)
        parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = parent / f"run-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return cls(folder)

    @classmethod
    def of(cls, out: Path, result: Result) -> RunFolder:
        """Return where the files of a result in `out` are, also after `out` was moved."""
        moved = out / Path(*Path(result.run_folder).parts[-3:])
        return cls(moved if moved.is_dir() else Path(result.run_folder))

    @property
    def submission(self) -> Path:
        """The notebook, or the file of predictions, as it was handed in."""
        return next(iter(sorted(self.path.glob("submission.*"))), self.handed_in(".ipynb"))

    def handed_in(self, ending: str) -> Path:
        """Return where a submission with this ending is kept."""
        return self.path / f"submission{ending}"

    @property
    def slot(self) -> Path:
        """The student's program, cut out of the submission."""
        return self.path / "slot.py"

    @property
    def excerpt(self) -> Path:
        """The first rows of a file of predictions, as text."""
        return self.path / "excerpt.txt"

    @property
    def result(self) -> Path:
        """A copy of the result for whoever looks into the folder; the gradebook is the record."""
        return self.path / "result.json"

    @property
    def comparison(self) -> Path:
        """What a replay's predictions were compared with, and whether they are the same."""
        return self.path / "replay.json"

    def repeat(self, number: int) -> RepeatFolder:
        """Return the folder of the repeat `number`, counted from 0, whether it is there or not."""
        return RepeatFolder(self.path / f"repeat-{number}")

    def repeats(self) -> list[RepeatFolder]:
        """Return the folders of the repeats that were begun, by number."""
        folders = [RepeatFolder(path) for path in self.path.glob("repeat-*") if is_repeat(path.name)]
        return sorted(folders, key=lambda folder: folder.number)

    def executed(self) -> list[RepeatFolder]:
        """Return the folders of the repeats that left an executed notebook, by number."""
        return [repeat for repeat in self.repeats() if repeat.executed.exists()]

    def write_slot(self, source: str) -> None:
        """Write the student's program. Raises OSError where that cannot be done."""
        self.slot.write_text(source, encoding="utf-8", errors="replace")

    def write_result(self, result: Result) -> None:
        """Write the copy of the result. Raises OSError where that cannot be done."""
        self.result.write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")

    def write_traceback(self) -> None:
        """Write the exception that is being handled to `grader_error.txt`."""
        with contextlib.suppress(OSError):  # the disk may be full, which is perhaps what it would say
            (self.path / "grader_error.txt").write_text(traceback.format_exc(), encoding="utf-8")

    def flush(self) -> None:
        """Force the folder to the disk, so that no recorded result names files that a power cut took.

        Raises OSError where the disk does not take it.
        """
        below = [Path(top, name) for top, _, names in os.walk(self.path) for name in (*names, ".")]
        for path in [*below, self.path.parent, self.path.parent.parent]:  # the folders that name it, too
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def is_repeat(name: str) -> bool:
    """Return whether a folder called `name` is that of a repeat."""
    return _REPEAT.fullmatch(name) is not None


def _folder_name(student: str) -> str:
    name = re.sub(r"[^\w.-]+", "_", student).strip("._") or "student"
    if len(name.encode()) > _NAME_BYTES:  # file systems count bytes, and allow 255
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[:_NAME_BYTES].decode(errors='ignore')}-{digest}"
    return name
