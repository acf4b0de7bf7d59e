"""Copy a contest's folder while it runs. The copy is a contest's folder itself: to restore it is to copy it back."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from grader.contest.spec import read_spec
from grader.contest.store import DATABASE, FEEDBACK, FILES, GRADING, INCOMING, KEY_FILE, PUBLIC, SPEC_FILE
from grader.errors import UsageError
from grader.files import MADE, WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.contest.store import Store

_MADE_AGAIN = ("evaluation",)  # hidden data, from the secret
_LIVE = ("*.sqlite", "*.sqlite-wal", "*.sqlite-shm")


def back_up(store: Store, target: Path) -> int:
    """Copy a contest to the new folder `target`; return how many submissions it has.

    The database comes first: each file that it names is on the disk by then. Raises UsageError where the folder exists, or
    cannot be written.
    """
    if target.exists():
        raise UsageError(f"{target} exists already; a backup needs a new folder")
    tasks = _tasks_inside(store)
    with reporting_os_errors(MADE, target):
        target.mkdir(parents=True, mode=0o700)
    store.copy_to(target / DATABASE)
    with reporting_os_errors(WRITTEN, target):
        for name in (SPEC_FILE, KEY_FILE):
            shutil.copy2(store.folder / name, target / name)
        (target / INCOMING).mkdir(mode=0o700)
        for name in (FILES, FEEDBACK, PUBLIC, *tasks):
            _copy_folder(store.folder / name, target / name)
        _copy_grading(store.folder / GRADING, target / GRADING)
    return _count(target / DATABASE)


def _tasks_inside(store: Store) -> list[str]:
    """Return the names of those tasks that lie in the contest's own folder."""
    inside = store.folder.resolve()
    return [
        task.name
        for task in read_spec(store.spec_file).tasks
        if (folder := (inside / task.name).resolve()).is_dir() and inside in folder.parents
    ]


def _copy_grading(source: Path, target: Path) -> None:
    """Copy secrets, gradebooks and run folders; gradebooks are read first, so that each run that they name is there."""
    gradebooks = {path: _one_state(path) for path in source.glob("*/*.sqlite")}
    _copy_folder(source, target, skipped=(*_MADE_AGAIN, *_LIVE))
    for path, content in gradebooks.items():
        (target / path.relative_to(source)).write_bytes(content)


def _copy_folder(source: Path, target: Path, *, skipped: Sequence[str] = ()) -> None:
    """Copy a folder, if there is one, without what goes away meanwhile: uploads that are refused, drafts of what runs."""
    if not source.is_dir():
        return
    try:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*skipped), dirs_exist_ok=True)
    except shutil.Error as error:
        lasting = [reason for path, _, reason in error.args[0] if Path(path).exists()]
        if lasting:
            raise OSError("; ".join(lasting)) from error


def _one_state(path: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.serialize()


def _count(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM submissions").fetchone()[0])
