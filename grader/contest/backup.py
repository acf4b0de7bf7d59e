"""Copy a contest's folder while it runs. The copy is a contest's folder itself: to restore it is to copy it back."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

from grader.contest.store import DATABASE, FEEDBACK, FILES, GRADING, INCOMING, KEY_FILE, SPEC_FILE
from grader.errors import UsageError
from grader.files import MADE, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.store import Store

_MADE_AGAIN = {"evaluation"}  # hidden data, from the secret
_LIVE = (".sqlite", ".sqlite-wal", ".sqlite-shm")


def back_up(store: Store, target: Path) -> int:
    """Copy a contest to the new folder `target`; return how many submissions it has.

    The database comes first: each file that it names is on the disk by then. Raises UsageError where the folder exists, or
    cannot be written.
    """
    if target.exists():
        raise UsageError(f"{target} exists already; a backup needs a new folder")
    with reporting_os_errors(MADE, target):
        target.mkdir(parents=True, mode=0o700)
    store.copy_to(target / DATABASE)
    with reporting_os_errors(WRITTEN, target):
        for name in (SPEC_FILE, KEY_FILE):
            shutil.copy2(store.folder / name, target / name)
        (target / INCOMING).mkdir(mode=0o700)
        shutil.copytree(store.files, target / FILES, dirs_exist_ok=True)
        if (store.folder / FEEDBACK).is_dir():
            shutil.copytree(store.folder / FEEDBACK, target / FEEDBACK)
        if (store.folder / GRADING).is_dir():
            _copy_grading(store.folder / GRADING, target / GRADING)
    return _count(target / DATABASE)


def _copy_grading(source: Path, target: Path) -> None:
    """Copy secrets, gradebooks and run folders; gradebooks are read first, so that each run that they name is there."""

    def skipped(_: str, names: list[str]) -> set[str]:
        return {name for name in names if name in _MADE_AGAIN or name.endswith(_LIVE)}

    gradebooks = {path: _one_state(path) for path in source.glob("*/*.sqlite")}
    shutil.copytree(source, target, ignore=skipped)
    for path, content in gradebooks.items():
        (target / path.relative_to(source)).write_bytes(content)


def _one_state(path: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.serialize()


def _count(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM submissions").fetchone()[0])
