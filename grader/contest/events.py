"""Append what happens to a chain of hashes, and verify it: nobody can change, remove or insert an event unnoticed.

Each event's hash covers its own content and the hash of the one before (Haber and Stornetta, How to time-stamp a digital
document, 1991). People stand in it as ids that were drawn at random, and texts as salted hashes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_UNRANKED = (
    "queued",
    "started",
    "failed",
    "expired",
    "asked",
    "answered",
    "announced",
    "clock_moved",
    "forced",
    "sign_in_refused",
    "replayed",
    "bound",
    "unbound",
)
START = "0" * 64  # what the first event follows


class EventKind(StrEnum):
    """What can happen in a contest."""

    OPENED = "opened"
    ENROLLED = "enrolled"
    RECEIVED = "received"
    QUEUED = "queued"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    STARTED = "started"
    VERDICT = "verdict"
    FAILED = "failed"
    EXPIRED = "expired"
    HELD = "held"
    RELEASED = "released"
    FORCED = "forced"
    REPLAYED = "replayed"
    SIGN_IN_REFUSED = "sign_in_refused"
    BOUND = "bound"
    UNBOUND = "unbound"
    REQUEUED = "requeued"
    EXTENDED = "extended"
    CHOSEN = "chosen"
    DISQUALIFIED = "disqualified"
    ANNOUNCED = "announced"
    ASKED = "asked"
    ANSWERED = "answered"
    CLOCK_MOVED = "clock_moved"
    ERASED = "erased"
    CLOSED = "closed"


@dataclass(frozen=True)
class Happening:
    """What is about to be recorded: of which team, task and submission, where it has one, with plain JSON values."""

    kind: EventKind
    team: str = ""
    task: str = ""
    submission: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """A happening as it is recorded; `at` is ISO 8601 in UTC, `previous` the hash of the event before."""

    number: int
    at: str
    kind: EventKind
    team: str
    task: str
    submission: int | None
    data: dict[str, Any]
    previous: str
    hash: str

    @property
    def moment(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.at)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: getattr(self, name) for name in ("number", "at", *_CONTENT, "previous", "hash")}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Event:
        """Return the event of which `record` is the JSON. Raises KeyError or ValueError where it is none."""
        values = {name: record[name] for name in ("number", "at", *_CONTENT, "previous", "hash")}
        return cls(**values | {"kind": EventKind(record["kind"])})


_CONTENT = ("kind", "team", "task", "submission", "data")


def canonical(value: Any) -> str:
    """Return the one JSON text of plain values: keys sorted, nothing between them."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def append(connection: sqlite3.Connection, happening: Happening, at: str) -> Event:
    """Record what happened, in the transaction of the caller, and return the event."""
    last = connection.execute("SELECT number, hash FROM events ORDER BY number DESC LIMIT 1").fetchone()
    number, previous = (last["number"] + 1, last["hash"]) if last else (1, START)
    content = {name: getattr(happening, name) for name in _CONTENT}
    event = Event(number, at, **content, previous=previous, hash="")
    event = Event(number, at, **content, previous=previous, hash=_hash(event))
    connection.execute(
        "INSERT INTO events (number, at, kind, team, task, submission, data, previous, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, at, event.kind, event.team, event.task, event.submission, canonical(event.data), previous, event.hash),
    )  # fmt: skip
    return event


def head(connection: sqlite3.Connection) -> str:
    """Return the hash of the last event: whoever keeps it can tell later whether anything before was changed."""
    row = connection.execute("SELECT hash FROM events ORDER BY number DESC LIMIT 1").fetchone()
    return str(row["hash"]) if row else START


def all_events(connection: sqlite3.Connection, after: int = 0) -> Iterator[Event]:
    """Yield every event beyond the number `after`, in order."""
    for row in connection.execute("SELECT * FROM events WHERE number > ? ORDER BY number", (after,)):
        yield event_of(row)


def ranked_events(connection: sqlite3.Connection) -> list[Event]:
    """Return the events that a ranking depends on, in order: much fewer than all where many hand in."""
    marks = ", ".join("?" * len(_UNRANKED))
    query = f"SELECT * FROM events WHERE kind NOT IN ({marks}) ORDER BY number"  # noqa: S608 -- marks alone
    return [event_of(row) for row in connection.execute(query, _UNRANKED)]


def events_of(connection: sqlite3.Connection, team: str, task: str) -> list[Event]:
    """Return what happened to a team in a task, in order, and what happened to all teams or in all tasks."""
    query = "SELECT * FROM events WHERE team IN ('', ?) AND task IN ('', ?) ORDER BY number"
    return [event_of(row) for row in connection.execute(query, (team, task))]


def event_of(row: sqlite3.Row) -> Event:
    """Return the event of a row."""
    return Event(
        row["number"], row["at"], EventKind(row["kind"]), row["team"], row["task"], row["submission"],
        json.loads(row["data"]), row["previous"], row["hash"],
    )  # fmt: skip


def broken_link(events: Iterable[Event]) -> int | None:
    """Return the number of the first event that does not follow from the one before; None where the chain is whole."""
    previous = START
    for number, event in enumerate(events, 1):
        if event.number != number or event.previous != previous or event.hash != _hash(event):
            return number
        previous = event.hash
    return None


def _hash(event: Event) -> str:
    content = [event.number, event.at, *(getattr(event, name) for name in _CONTENT), event.previous]
    return hashlib.sha256(canonical(content).encode()).hexdigest()
