"""Make the tables of a contest, or bring those of an earlier version up to date, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.gradebook.migration import Migration

if TYPE_CHECKING:
    import sqlite3

VERSION = 3  # of the schema; `migrations/N.sql` leads from version N to N + 1
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")
_IDENTITY = 0x6E6F636F  # "noco": tells a contest's file from other databases


def make_or_migrate(
    connection: sqlite3.Connection, migrations: Path = _MIGRATIONS, version: int = VERSION
) -> None:
    """Make the tables, or bring those of an earlier version up to date, each step in one transaction.

    Raises UsageError for another program's database and for that of a later version.
    """
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    (existing,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if tables and identity != _IDENTITY:
        raise UsageError("the file is a database, but not that of a contest")
    if existing > version:
        raise UsageError(
            f"the contest has version {existing}, but this grader reads only up to version {version}"
        )
    migration = Migration(_SCHEMA, migrations, version, lambda _: f"PRAGMA application_id = {_IDENTITY};")
    migration.take(connection, existing if tables else 0)
