"""Lead a database to the version of its tables that this grader knows, step by step: gradebooks and contests do the same."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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

        Each step is one transaction: what breaks off is taken again from there, and of several processes that come at once
        one takes it.
        """
        if existing == 0:
            self._take_step(connection, self.tables, 0, to=self.version)
        for number in range(existing, self.version) if existing else ():
            self._take_step(connection, self.steps / f"{number}.sql", number, to=number + 1)

    def _take_step(self, connection: sqlite3.Connection, script: Path, version: int, *, to: int) -> None:
        sql = f"{script.read_text(encoding='utf-8')} {self.ending(to)} PRAGMA user_version = {to};"
        connection.execute("BEGIN IMMEDIATE")
        try:
            (now,) = connection.execute("PRAGMA user_version").fetchone()
            for statement in _statements(sql) if now == version else ():
                connection.execute(statement)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _statements(sql: str) -> Iterator[str]:
    """Yield one statement of a script after the other: `executescript` would end the transaction that it is called in."""
    statement = ""
    for piece in sql.split(";")[:-1]:  # a trigger and a comment may have semicolons of their own
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
