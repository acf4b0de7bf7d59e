"""Keep a contest in one folder: an SQLite file, written by one transaction at a time, and the files that were handed in.

contest.toml     the rules                        files/     what was handed in, never opened by the web process
contest.sqlite   submissions, events, people      incoming/  uploads that are not complete
receipts.key     signs receipts                   grading/   results, secrets, answers: the worker's alone
feedback/        a page for each verdict, the worker's    pages/     the last leaderboard of the site
public/          statements, and files to download
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.contest.events import Event, EventKind, Happening, append
from grader.contest.moments import Moment, read_clocks
from grader.contest.schema import make_or_migrate
from grader.errors import GraderFault, UsageError
from grader.files import WRITTEN, reporting_os_errors
from grader.languages import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPEC_FILE, DATABASE, KEY_FILE = "contest.toml", "contest.sqlite", "receipts.key"
FILES, INCOMING, GRADING, FEEDBACK, PAGES = "files", "incoming", "grading", "feedback", "pages"
PUBLIC = "public"
NOTEBOOK_ENDING = ".ipynb"
_BUSY_SECONDS = 30  # a writer waits for the others
_JUMP_SECONDS = 2.0  # that the wall clock may move against the other one without being noted
_OFFSET, _BOOT = "clock_offset", "clock_boot"


@dataclass(frozen=True)
class Transaction:
    """What one transaction sees and writes; `moment` is when it began."""

    connection: sqlite3.Connection
    moment: Moment

    def record(self, happening: Happening, at: str | None = None) -> Event:
        """Append an event, at `at` or else now."""
        return append(self.connection, happening, at or self.moment.text)

    def keep_text(self, text: str, author: str, about: str = "") -> str:
        """Keep what somebody wrote, where it can be erased; return the salted hash that stands for it."""
        salt = secrets.token_hex(16)
        digest = hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()
        self.connection.execute(
            "INSERT INTO texts (digest, author, about, salt, text) VALUES (?, ?, ?, ?, ?)",
            (digest, author, about, salt, text),
        )
        return digest


class Store:
    """The database of a contest's folder; each use has a connection of its own, so threads and processes may share it."""

    def __init__(self, folder: Path, clocks: Callable[[], Moment] = read_clocks) -> None:
        """Open the contest of `folder`; its tables are made or brought up to date. Raises UsageError where that fails."""
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}; `grader contest new {folder}` makes one")
        self.folder = folder
        self.clocks = clocks
        self._lock = (
            threading.RLock()
        )  # threads wait for each other here; SQLite has processes wait in longer and longer naps
        with reporting_os_errors(WRITTEN, folder):
            _create(folder / DATABASE)
            for name in (FILES, INCOMING, FEEDBACK, PAGES):
                (folder / name).mkdir(exist_ok=True, mode=0o770)
        with _reported(), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # readers never wait for the writer
            make_or_migrate(connection)
        # As long as one connection is open, closing the others does not write the whole journal back.
        with _reported():  # it waits where another process recovers the journal of one that was killed
            self._anchor = sqlite3.connect(folder / DATABASE, timeout=_BUSY_SECONDS, check_same_thread=False)
            self._anchor.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

    @property
    def spec_file(self) -> Path:
        """The rules of the contest."""
        return self.folder / SPEC_FILE

    @property
    def files(self) -> Path:
        """The folder of what was handed in."""
        return self.folder / FILES

    @property
    def incoming(self) -> Path:
        """The folder of uploads that are not complete."""
        return self.folder / INCOMING

    def feedback(self, number: int, language: str = ENGLISH) -> Path:
        """Return where the worker writes the page of feedback of a submission in a language."""
        return self.folder / FEEDBACK / f"{number}{_in(language)}.html"

    def proposed_feedback(self, number: int, language: str = ENGLISH) -> Path:
        """Return where that page waits until a rejudge is applied."""
        return self.folder / FEEDBACK / f"{number}{_in(language)}.proposed.html"

    @contextlib.contextmanager
    def writing(self, moment: Moment | None = None) -> Iterator[Transaction]:
        """Enter a transaction that may write, as the only one: whole on the disk at its end, or not at all.

        Raises GraderFault where the disk is full or fails.
        """
        with _reported(), contextlib.closing(self._connect()) as connection, self._lock:
            connection.execute("BEGIN IMMEDIATE")
            try:
                transaction = Transaction(connection, moment or self.clocks())
                _note_moved_clock(transaction)
                yield transaction
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back already
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Enter a transaction that sees one state of the contest and writes nothing."""
        with _reported(), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield Transaction(connection, self.clocks())

    def compact(self) -> None:
        """Write the database anew, so that nothing of what was erased stays in its free pages or in its journal."""
        with _reported(), contextlib.closing(self._connect()) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """Write a copy of the database to a new file while it is in use: one state of it, whole."""
        with _reported(), contextlib.closing(self._connect()) as connection:
            connection.execute("VACUUM INTO ?", (str(path),))

    def _connect(self) -> sqlite3.Connection:
        path = self.folder / DATABASE
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")  # what was promised is on the disk
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _in(language: str) -> str:
    """Return what stands in the name of a page that is not in English."""
    return "" if language == ENGLISH else f".{language}"


def _create(path: Path) -> None:
    """Create a database that a worker may write to, too, which is another user of the same group, as far as the umask allows.

    One that is there is not opened: to close it would end the locks that SQLite has on it in this process
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660))


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise GraderFault(f"{DATABASE}: {error}; nothing that has a receipt is lost") from error


def exported_name(number: int, file: str) -> str:
    """Return the name of a submission outside the folder: its number, and the ending of the `file` that is kept."""
    return f"{number}{PurePosixPath(file).suffix}"


def fact(transaction: Transaction, name: str) -> str | None:
    """Return a fact about the contest that was kept under a name, if there is one."""
    row = transaction.connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row["value"]) if row else None


def keep_fact(transaction: Transaction, name: str, value: str) -> None:
    """Keep a fact about the contest under a name; it takes the place of the one before."""
    transaction.connection.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def _note_moved_clock(transaction: Transaction) -> None:
    """Record that somebody moved the wall clock, by how many seconds: deadlines go by it, so organisers should know."""
    moment = transaction.moment
    known, boot = fact(transaction, _OFFSET), fact(transaction, _BOOT)
    moved = moment.offset - float(known) if known is not None and boot == moment.boot else 0.0
    if known is None or boot != moment.boot or abs(moved) > _JUMP_SECONDS:
        keep_fact(transaction, _OFFSET, repr(moment.offset))
        keep_fact(transaction, _BOOT, moment.boot)
    if abs(moved) > _JUMP_SECONDS:
        transaction.record(Happening(EventKind.CLOCK_MOVED, data={"seconds": round(moved)}))
