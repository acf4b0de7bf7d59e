"""What the program of a task of the kind `program` may use beside its arguments: the table `[program]` of task.toml."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from grader.errors import UsageError
from grader.task.score_table import StrictTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_CHUNK = 1 << 20  # bytes of a file that are read at once: models may be large
_OF_THE_TASK = {"answers", "inputs", "public", "secret", "solutions", "strategies"}


class ProgramTable(StrictTable):
    """What a program may use beside its arguments, where the task's `kind` is "program"."""

    form: Literal["slot", "notebook"] = "slot"
    """What is the program: the slot ("slot"), or all code cells from the slot down to the next protected one ("notebook")."""
    mounts: tuple[str, ...] = ()
    """Folders of the task's that the program may read and nobody changes, below the path in `GRADER_MOUNTS`; students get copies."""
    scratch_mb: int = Field(default=0, ge=0)
    """MB of a private folder to write in, which begins empty and is gone after the run; sets `limits.file_mb`, and needs namespaces."""
    seconds: float = Field(default=0, ge=0)
    """Seconds of a repeat that the program itself may take, without the trainer's. 0: as long as `limits.wall_seconds` lets it."""

    @field_validator("mounts")
    @classmethod
    def _names_are_plain(cls, mounts: tuple[str, ...]) -> tuple[str, ...]:
        for name in mounts:
            if not _NAME.fullmatch(name) or name in _OF_THE_TASK:
                raise ValueError(
                    f"{name!r} cannot be mounted; name a folder of the task's, in letters, digits, - and _"
                )
        return mounts

    def check(self, kind: str, *, is_function: bool, wall_seconds: float) -> None:
        """Raise ValueError where it does not fit the rest of task.toml; `is_function`: all entries are one function."""
        if kind != "program" and self != ProgramTable():
            raise ValueError('[program] needs kind = "program"')
        if self.form == "notebook" and not is_function:
            raise ValueError('form = "notebook" takes one entry, a function, and no stages')
        if self.seconds > wall_seconds:
            raise ValueError("program.seconds is more than limits.wall_seconds, which is for all of a repeat")


def with_scratch(values: Any) -> Any:
    """Return the values of a task.toml in which `program.scratch_mb` is the limit of files.

    Raises ValueError where both are there and differ.
    """
    program, limits = (
        (values.get("program"), values.get("limits", {})) if isinstance(values, dict) else (0, 0)
    )
    if not isinstance(program, dict) or not isinstance(limits, dict) or not program.get("scratch_mb"):
        return values
    scratch_mb = program["scratch_mb"]
    if limits.get("file_mb", scratch_mb) != scratch_mb:
        raise ValueError("limits.file_mb is not program.scratch_mb; write only the latter")
    return {**values, "limits": {**limits, "file_mb": scratch_mb}}


def mounted_folders(folder: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the folders called `names` of a task's `folder`.

    Raises UsageError where one is missing, leads elsewhere, or holds what the user of a slot could not read.
    """
    folders = tuple(folder.resolve() / name for name in names)
    for mount in folders:
        if not mount.is_dir():
            raise UsageError(f"{mount} is not a folder; program.mounts names it")
        for path in (mount, *sorted(mount.rglob("*"))):
            _refuse_unreadable(path)
    return folders


def _refuse_unreadable(path: Path) -> None:
    mode = path.lstat().st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UsageError(f"{path} is neither a file nor a folder; a mount holds no links")
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    if mode & needed != needed:
        raise UsageError(f"{path} can be read by its owner only; run: chmod a+rX {path}")


def contents(folders: tuple[Path, ...]) -> Iterator[bytes]:
    """Yield what decides what a program reads in the mounted folders: names and bytes, in one order."""
    for mount in folders:
        for path in sorted(mount.rglob("*")):
            if path.is_file():
                yield f"{path.relative_to(mount.parent).as_posix()} {path.stat().st_size}\n".encode()
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        yield chunk
