"""Remember who signed in, on the server's side: a session ends when its owner signs out, is idle, or gets a new code."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE = "sessions.sqlite"
IDLE_SECONDS, LONGEST_SECONDS = 3 * 3600.0, 14 * 3600.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS sessions (digest TEXT PRIMARY KEY, person TEXT NOT NULL, form_token TEXT NOT NULL, "
    "opened REAL NOT NULL, seen REAL NOT NULL) STRICT"
)
_SEEN_STEP = 60.0  # seconds after which it is written that a session is in use


@dataclass(frozen=True)
class Session:
    """Somebody who signed in; `form_token` stands in every form of theirs, so that other sites cannot send one."""

    person: str
    form_token: str


class Sessions:
    """The sessions of a contest, in a file of their own that no backup and no archive has.

    `clock` gives seconds since 1970. Of a session only the SHA-256 of its id is kept.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = folder / FILE, clock
        with self._connection() as connection:
            connection.execute(_TABLE)
        self._path.chmod(0o600)

    def open(self, person: str) -> str:
        """Begin a session of somebody and return its id, for a cookie; sessions that are over are forgotten."""
        identity, now = secrets.token_urlsafe(32), self._clock()
        with self._connection() as connection:
            connection.execute(
                "DELETE FROM sessions WHERE seen < ? OR opened < ?",
                (now - IDLE_SECONDS, now - LONGEST_SECONDS),
            )
            row = (_digest(identity), person, secrets.token_urlsafe(24), now, now)
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", row)
        return identity

    def find(self, identity: str) -> Session | None:
        """Return the session of an id; None where there is none, or where it is over."""
        now = self._clock()
        with self._connection() as connection:
            row = connection.execute(
                "SELECT * FROM sessions WHERE digest = ? AND seen >= ? AND opened >= ?",
                (_digest(identity), now - IDLE_SECONDS, now - LONGEST_SECONDS),
            ).fetchone()
            if row is None:
                return None
            if now - row["seen"] > _SEEN_STEP:
                with contextlib.suppress(sqlite3.Error):  # a full disk keeps nobody from reading
                    connection.execute("UPDATE sessions SET seen = ? WHERE digest = ?", (now, row["digest"]))
        return Session(row["person"], row["form_token"])

    def end(self, identity: str) -> None:
        """End a session."""
        with self._connection() as connection:
            connection.execute("DELETE FROM sessions WHERE digest = ?", (_digest(identity),))

    def end_all(self, person: str) -> None:
        """End every session of somebody."""
        with self._connection() as connection:
            connection.execute("DELETE FROM sessions WHERE person = ?", (person,))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=10, isolation_level=None)
            ) as connection:
                connection.row_factory = sqlite3.Row
                yield connection
        except sqlite3.Error as error:
            raise GraderFault(f"{FILE}: {error}; try again") from error


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()
