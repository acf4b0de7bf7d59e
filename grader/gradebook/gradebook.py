"""Keep every result in one SQLite file that only grows, written by one process, one transaction a result."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError, Verdict
from grader.files import WRITTEN, lock, reporting_os_errors
from grader.gradebook.late import LateRule, after_penalty, utc
from grader.gradebook.result import GROUP, Result
from grader.gradebook.schema import VERSION, check_version, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FILE_NAME = "gradebook.sqlite"


@dataclass(frozen=True)
class SubmissionRecord:
    """One submission as the gradebook knows it; `digest` is the SHA-256 of its bytes, or says why there is none."""

    task: str
    student: str
    path: str
    digest: str
    submitted: str | None = None
    late: bool = False


@dataclass(frozen=True)
class Key:
    """Identify what was executed: two executions with the same key give the same predictions.

    `context` stands for task, settings and seeds; `slot` for the student's code, "" where none was found.
    """

    context: str
    slot: str


@dataclass(frozen=True)
class Absence:
    """Who of a roster handed in nothing, by section and name, and how many were expected to hand in."""

    names: list[str]
    expected: int


@dataclass(frozen=True)
class Adjustment:
    """What an instructor decided about the points of a student, with the time (ISO 8601, UTC).

    `points` None takes what was decided before back.
    """

    task: str
    student: str
    points: int | None
    reason: str
    recorded: str = ""


@dataclass(frozen=True)
class Choice:
    """The attempt of a student that an instructor lets count; `attempt` None leaves it to the rule of the task again."""

    task: str
    student: str
    attempt: int | None
    reason: str


@dataclass(frozen=True)
class Recorded:
    """A result in the gradebook: the ids of its row, submission and run, its attempt, key and time (ISO 8601, UTC).

    `identical_to` is the row of the executed result where this one was not run for itself. `submitted` is the platform's
    time, None where there is none; `penalty` are the points that are lost for the `days_late` begun since the deadline.
    """

    id: int
    submission: int
    run: int
    attempt: int
    recorded: str
    key: Key
    identical_to: int | None
    result: Result
    submitted: str | None = None
    days_late: int = 0
    penalty: int = 0

    @property
    def points(self) -> int | None:
        """The points of this attempt after the penalty for lateness; an adjustment is the student's, not an attempt's."""
        return after_penalty(self.result.points, self.penalty)


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextlib.contextmanager
def writing(out: Path) -> Iterator[Gradebook]:
    """Open the gradebook of `out` for its one writer; it is created where there is none.

    Raises UsageError where another grader is at work in `out`, or the file cannot be used.
    """
    with contextlib.ExitStack() as stack:
        with reporting_os_errors(WRITTEN, out):
            file = stack.enter_context((out / ".lock").open("w"))
        try:
            lock(file)
        except OSError as error:
            raise UsageError(
                f"another grader is writing to {out}; wait for it, or choose another --out"
            ) from error
        with translated(out):
            connection = sqlite3.connect(out / FILE_NAME, isolation_level=None)
            stack.callback(connection.close)
            prepare(connection)
        yield Gradebook(connection, out)


@contextlib.contextmanager
def reading(out: Path) -> Iterator[Gradebook]:
    """Open the gradebook of `out` for reading, also while a grader writes to it.

    Raises UsageError where there is none.
    """
    path = out / FILE_NAME
    if not path.is_file():
        raise UsageError(f"there is no gradebook in {out}; `grader grade TASK PATH --out {out}` creates one")
    with contextlib.ExitStack() as stack:
        with translated(out):
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            stack.callback(connection.close)
            connection.row_factory = sqlite3.Row
            if check_version(connection, set(range(1, VERSION + 1))) < VERSION:
                connection = _up_to_date(connection)
                stack.callback(connection.close)
        yield Gradebook(connection, out)


def _up_to_date(older: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy in memory of the gradebook of an earlier version, with the tables of today."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    older.backup(copy)
    prepare(copy)
    return copy


@contextlib.contextmanager
def translated(out: Path) -> Iterator[None]:
    """Turn errors of SQLite, a full disk above all, into one line for the caller."""
    try:
        yield
    except sqlite3.Error as error:
        raise UsageError(f"{out / FILE_NAME}: {error}; recorded results are kept") from error


class Gradebook:
    """The submissions and results of one folder. Not for use by several threads."""

    def __init__(self, connection: sqlite3.Connection, out: Path) -> None:
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self._out = out

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with translated(self._out):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    def begin_run(
        self,
        command: str,
        settings: Mapping[str, Any],
        versions: Mapping[str, str],
        machine: Mapping[str, Any],
    ) -> int:
        """Record a call of a command; return its id."""
        values = (now(), command, *(json.dumps(dict(value)) for value in (settings, versions, machine)))
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (began, command, settings, versions, machine) VALUES (?, ?, ?, ?, ?)",
                values,
            )
        return int(cursor.lastrowid or 0)

    def end_run(self, run: int) -> None:
        """Record that a run came to its end."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET ended = ? WHERE id = ?", (now(), run))

    def counts(self, task: str, leaderboard: str) -> None:
        """Record which attempt of a student counts for `task`: "best" or "latest"."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO tasks (id, leaderboard) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET leaderboard = excluded.leaderboard",
                (task, leaderboard),
            )

    def counts_unless_recorded(self, task: str, leaderboard: str) -> None:
        """Record which attempt counts for a task that is new here; a rule that was recorded stays."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO tasks (id, leaderboard) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
                (task, leaderboard),
            )

    def choose(self, choice: Choice) -> None:
        """Record which attempt of a student an instructor chose."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO choices (task, student, recorded, attempt, reason) VALUES (?, ?, ?, ?, ?)",
                (choice.task, choice.student, now(), choice.attempt, choice.reason),
            )

    def set_late_rule(self, task: str, rule: LateRule | None) -> None:
        """Record the deadline of `task` and what late work loses, and apply it to every submission; None: no deadline."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE tasks SET deadline = ?, late = ? WHERE id = ?",
                (rule and rule.deadline.isoformat(), rule.late if rule else "mark", task),
            )
            _apply(rule, task, connection)

    def late_rule(self, task: str) -> LateRule | None:
        """Return the deadline of `task` and what late work loses, if there is one."""
        with translated(self._out):
            return _late_rule(task, self._connection)

    def undated(self, task: str) -> list[str]:
        """Return the students with a submission of `task` whose time no platform told."""
        query = (
            "SELECT DISTINCT student FROM submissions WHERE task = ? AND submitted IS NULL ORDER BY student"
        )
        with translated(self._out):
            return [str(student) for (student,) in self._connection.execute(query, (task,))]

    def adjust(self, adjustment: Adjustment) -> None:
        """Record what an instructor decided about a student's points."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO adjustments (task, student, recorded, points, reason) VALUES (?, ?, ?, ?, ?)",
                (adjustment.task, adjustment.student, now(), adjustment.points, adjustment.reason),
            )

    def adjustments(self, task: str, student: str) -> list[Adjustment]:
        """Return all that was ever decided about a student's points, oldest first."""
        return [adjustment for adjustment in self._decisions(task) if adjustment.student == student]

    def adjusted(self, task: str) -> dict[str, Adjustment]:
        """Return what was decided last about the points of each student of `task`, by the student's id."""
        return {adjustment.student: adjustment for adjustment in self._decisions(task)}

    def _decisions(self, task: str) -> list[Adjustment]:
        query = "SELECT task, student, points, reason, recorded FROM adjustments WHERE task = ? ORDER BY id"
        with translated(self._out):
            return [Adjustment(**dict(row)) for row in self._connection.execute(query, (task,))]

    def students(self, task: str) -> set[str]:
        """Return the ids of those with a submission of `task`."""
        query = "SELECT DISTINCT student FROM submissions WHERE task = ?"
        with translated(self._out):
            return {str(student) for (student,) in self._connection.execute(query, (task,))}

    def expect(self, task: str, students: Sequence[str]) -> None:
        """Record who may hand in `task`: those of a roster, enrolled before."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO rosters VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(task, student) for student in students],
            )

    def absences(self) -> dict[str, Absence]:
        """Return for each task that was graded with a roster who of it handed in nothing, alone or in a group."""
        senders = "SELECT DISTINCT task, student FROM submissions"
        expected = (
            "SELECT task, students.id, name, email FROM rosters JOIN students ON students.id = rosters.student "
            "ORDER BY task, section, COALESCE(NULLIF(name, ''), students.id)"
        )
        with translated(self._out):
            sent = {
                (task, key)
                for task, student in self._connection.execute(senders)
                for key in (student, *student.split(GROUP))
            }
            rows = self._connection.execute(expected).fetchall()
        people: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            people.setdefault(row["task"], []).append(row)
        return {
            task: Absence([row["name"] or row["id"] for row in listed if not _sent(row) & sent], len(listed))
            for task, listed in people.items()
        }

    def enrol(self, people: Sequence[tuple[str, str, str, str]]) -> None:
        """Record who students are: (id, name, email, section) each. What is empty does not replace what is known."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO students VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "name = IIF(excluded.name = '', name, excluded.name), "
                "email = IIF(excluded.email = '', email, excluded.email), "
                "section = IIF(excluded.section = '', section, excluded.section)",
                people,
            )

    def enter(self, entries: Sequence[SubmissionRecord]) -> list[int]:
        """Record submissions, in the order of each student's attempts; return the id of each.

        What the same student sent before, byte for byte, keeps its row and its attempt, and its time if it had one.
        """
        ids, seen = [], now()
        with self._transaction() as connection:
            for entry in entries:
                connection.execute(
                    "INSERT INTO students (id) VALUES (?) ON CONFLICT DO NOTHING", (entry.student,)
                )
                connection.execute(
                    "INSERT INTO submissions (task, student, attempt, path, digest, submitted, first_seen, late) "
                    "SELECT ?1, ?2, 1 + COUNT(*), ?3, ?4, ?5, ?6, ?7 FROM submissions WHERE task = ?1 AND student = ?2 "
                    "ON CONFLICT (task, student, digest) DO UPDATE SET submitted = "
                    "IIF(path = excluded.path, COALESCE(submitted, excluded.submitted), submitted)",
                    (
                        entry.task,
                        entry.student,
                        entry.path,
                        entry.digest,
                        entry.submitted,
                        seen,
                        int(entry.late),
                    ),
                )
                (row,) = connection.execute(
                    "SELECT id FROM submissions WHERE task = ? AND student = ? AND digest = ?",
                    (entry.task, entry.student, entry.digest),
                )
                ids.append(int(row["id"]))
            for task in {entry.task for entry in entries}:
                if rule := _late_rule(task, connection):
                    _apply(rule, task, connection)
        return ids

    def enrolled_owner(self, entry: SubmissionRecord) -> str | None:
        """Return another student who sent this very file, and whom a roster named; else None."""
        with translated(self._out):
            row = self._connection.execute(
                "SELECT student FROM submissions JOIN students ON students.id = student WHERE task = ? AND path = ? "
                "AND digest = ? AND student <> ? AND name || email || section <> '' LIMIT 1",
                (entry.task, entry.path, entry.digest, entry.student),
            ).fetchone()
        return row and str(row["student"])

    def record(
        self, run: int, submission: int, result: Result, key: Key, identical_to: int | None = None
    ) -> int:
        """Record one result; when this returns, no crash can lose it. Return its id.

        Raises UsageError where it cannot be written.
        """
        metrics = result.metrics
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO results (submission, run, recorded, context, slot, verdict, points, metric, best, "
                "value, identical_to, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    submission, run, now(), key.context, key.slot, result.verdict.value, result.points,
                    metrics and metrics.metric.name, metrics and metrics.metric.best, metrics and metrics.value,
                    identical_to, json.dumps(result.as_json()),
                ),
            )  # fmt: skip
            connection.executemany(
                "INSERT INTO repeats VALUES (?, ?, ?)",
                [
                    (cursor.lastrowid, number, value)
                    for number, value in enumerate(metrics.per_repeat if metrics else [])
                ],
            )
        return int(cursor.lastrowid or 0)

    def latest(self, submission: int, context: str) -> Recorded | None:
        """Return the latest result of a submission in a context that is not a grader's failure; else None."""
        condition = "submission = ? AND context = ? AND verdict <> ?"
        order = "results.id DESC LIMIT 1"
        results = self._select("results", condition, order, submission, context, Verdict.GRADER_ERROR)
        return results[0] if results else None

    def executed(self, key: Key) -> list[Recorded]:
        """Return the results with this key that were executed, not copied, and are not failures of the grader."""
        condition = "context = ? AND slot = ? AND verdict <> ? AND identical_to IS NULL"
        return self._select("results", condition, "results.id", key.context, key.slot, Verdict.GRADER_ERROR)

    def current(self) -> list[Recorded]:
        """Return the result of every submission that counts, by task, student and attempt."""
        return self._select("current_results", "1", "submissions.task, student, attempt")

    def history(self) -> list[Recorded]:
        """Return every result, oldest first."""
        return self._select("results", "1", "results.id")

    def of_student(self, task: str, student: str) -> list[Recorded]:
        """Return every result of a student in a task, oldest first."""
        return self._select("results", "submissions.task = ? AND student = ?", "results.id", task, student)

    def executed_for(self, recorded: Recorded) -> Recorded:
        """Return the result that was executed for this one: that of the same program, or itself."""
        results = self._select(
            "results", "results.id = ?", "results.id", recorded.identical_to or recorded.id
        )
        return results[0] if results else recorded

    def runs(self) -> list[dict[str, Any]]:
        """Return every call of a command, oldest first; settings, versions and machine are values."""
        with translated(self._out):
            rows = [dict(row) for row in self._connection.execute("SELECT * FROM runs ORDER BY id")]
        for row in rows:
            row.update({name: json.loads(row[name]) for name in ("settings", "versions", "machine")})
        return rows

    def leaderboard(self) -> list[dict[str, Any]]:
        """Return the rows of the view `leaderboard`, by task and rank."""
        with translated(self._out):
            rows = self._connection.execute("SELECT * FROM leaderboard ORDER BY task, rank, student")
            return [dict(row) for row in rows]

    def _select(self, table: str, condition: str, order: str, *values: Any) -> list[Recorded]:
        query = (
            f"SELECT results.id, submission, run, attempt, recorded, context, slot, identical_to, record, submitted, days_late, "  # noqa: S608 -- our own words
            f"penalty FROM {table} AS results "
            f"JOIN submissions ON submissions.id = submission WHERE {condition} ORDER BY {order}"
        )
        with translated(self._out):
            return [_recorded(row) for row in self._connection.execute(query, values)]


def _recorded(row: sqlite3.Row) -> Recorded:
    key = Key(row["context"], row["slot"])
    result = Result.from_json(json.loads(row["record"]))
    return Recorded(
        id=row["id"], submission=row["submission"], run=row["run"], attempt=row["attempt"], recorded=row["recorded"],
        key=key, identical_to=row["identical_to"], result=result, submitted=row["submitted"], days_late=row["days_late"],
        penalty=row["penalty"],
    )  # fmt: skip


def _sent(row: sqlite3.Row) -> set[tuple[str, str]]:
    """Return the senders as whom somebody may stand among the submissions; in a group, by whatever the platform had."""
    return {(row["task"], row[name]) for name in ("id", "email", "name") if row[name]}


def _late_rule(task: str, connection: sqlite3.Connection) -> LateRule | None:
    query = "SELECT deadline, late FROM tasks WHERE id = ? AND deadline IS NOT NULL"
    row = connection.execute(query, (task,)).fetchone()
    return LateRule.parse(row["deadline"], row["late"]) if row else None


def _apply(rule: LateRule | None, task: str, connection: sqlite3.Connection) -> None:
    """Note how late every submission of `task` is, and what it loses."""
    updates = []
    for row in connection.execute("SELECT id, submitted FROM submissions WHERE task = ?", (task,)):
        days = rule.days_late(utc(row["submitted"])) if rule else 0
        updates.append((days, rule.penalty(days) if rule else 0, row["id"]))
    connection.executemany("UPDATE submissions SET days_late = ?, penalty = ? WHERE id = ?", updates)
