"""Make the tables of a gradebook, or bring those of an earlier version up to date, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.gradebook.migration import Migration

if TYPE_CHECKING:
    import sqlite3

VERSION = 4  # of the schema; `migrations/N.sql` leads from version N to N + 1
_SCHEMA = Path(__file__).with_name("schema.sql")
_VIEWS = Path(__file__).with_name("views.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")


def prepare(connection: sqlite3.Connection, migrations: Path = _MIGRATIONS, version: int = VERSION) -> None:
    """Make the tables, or bring those of an earlier version up to date, each step in one transaction."""
    connection.execute("PRAGMA journal_mode = WAL")  # readers never wait for the writer
    connection.execute(
        "PRAGMA synchronous = FULL"
    )  # a result is on the disk, not only on its way, when it counts
    connection.execute("PRAGMA foreign_keys = ON")
    existing = check_version(connection, set(range(version + 1)))
    Migration(_SCHEMA, migrations, version, _views).take(connection, existing)


def _views(version: int) -> str:
    return _VIEWS.read_text(encoding="utf-8") if version == VERSION else ""


def check_version(connection: sqlite3.Connection, known: set[int]) -> int:
    """Return the version of a gradebook, 0 for an empty file. Raises UsageError where it is not among `known`."""
    (existing,) = connection.execute("PRAGMA user_version").fetchone()
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if existing not in known:
        raise UsageError(
            f"the gradebook has version {existing}, but this grader reads only up to version {max(known)}"
        )
    if existing == 0 and tables:
        raise UsageError("the file is a database, but not a gradebook")
    return int(existing)
