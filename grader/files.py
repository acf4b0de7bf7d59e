"""Write a file whole or not at all, and say of a file that fails what failed, in one form."""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import IO, TYPE_CHECKING

from grader.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

READ, WRITTEN, MADE = "cannot be read", "cannot be written", "cannot be created"


@contextlib.contextmanager
def reporting_os_errors(problem: str, path: Path | str, advice: str = "") -> Iterator[None]:
    """Turn an OSError into a UsageError: `path`, the `problem` (such as `READ`), the system's reason, and `advice`."""
    try:
        yield
    except OSError as error:
        sentence = f"{path} {problem}: {error.strerror or error}"
        raise UsageError(f"{sentence}; {advice}" if advice else sentence) from error


def is_skipped(parts: Iterable[str]) -> bool:
    """Return whether a path is an editor's or a system's own: hidden, a checkpoint, a resource fork."""
    return any((part.startswith(".") and part not in {".", ".."}) or part == "__MACOSX" for part in parts)


def lock(file: IO[str]) -> None:
    """Keep `file` for this process until it is closed; where the system knows no such locks, nothing happens.

    Raises OSError where another process has it.
    """
    with contextlib.suppress(ImportError):
        import fcntl  # noqa: PLC0415 -- Linux and macOS

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    with contextlib.suppress(ImportError):
        msvcrt = importlib.import_module("msvcrt")  # Windows
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def write_atomic(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one move; its folder is created where it is missing.

    Whoever reads `path` meanwhile, or after this process was killed, gets the old content or the new. It is not forced
    to the disk: use this for what can be made again. Raises UsageError where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.new")
    with reporting_os_errors(WRITTEN, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that holds a secret: nobody else may read it, not even while it is written. Raises UsageError."""
    with reporting_os_errors(WRITTEN, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            path.chmod(0o600)  # it may have been there
            file.write(content)
