"""Lead a database to the version of its tables that this grader knows, step by step: gradebooks and contests do the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Migration:
    """The script `tables` makes those of `version`; `steps/N.sql` leads from version N to N + 1.

    `ending` returns SQL that belongs to the same transaction as a step that leads to a version.
    """

    tables: Path
    steps: Path
    version: int
    ending: Callable[[int], str]

    def take(self, connection: sqlite3.Connection, existing: int) -> None:
        """Make the tables of an empty database (`existing` 0), or lead those of an earlier version on.

        Each step is one transaction: what breaks off is taken again from there.
        """
        if existing == 0:
            self._take_step(connection, self.tables, self.version)
        for number in range(existing, self.version) if existing else ():
            self._take_step(connection, self.steps / f"{number}.sql", number + 1)

    def _take_step(self, connection: sqlite3.Connection, script: Path, version: int) -> None:
        sql = f"{script.read_text(encoding='utf-8')} {self.ending(version)}"
        connection.executescript(f"BEGIN IMMEDIATE; {sql} PRAGMA user_version = {version}; COMMIT;")
