"""Order what waits for grading, fairly between teams, and lend it to workers that say that they are alive.

    received -> queued -> running -> done
                  ^          |
                  '----------+--> held   (after failures of ours, or by an organiser)

Fair means start-time fair queueing (Goyal, Vin and Cheng, 1996): a submission's turn is one more than that of its team's
last one, and at least that of what is graded now. Whoever hands in much waits behind those who hand in little, nobody
waits forever, and a turn never changes. Organisers' forced submissions come first.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.contest.attempts import AttemptState
from grader.contest.events import EventKind, Happening
from grader.contest.processes import ProcessIdentity
from grader.contest.store import fact, keep_fact
from grader.errors import UsageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from grader.contest.moments import Moment
    from grader.contest.store import Transaction
    from grader.gradebook.result import Result

LEASE_SECONDS = 30.0
MOST_FAILURES = 3  # of ours in a row, before a submission waits for an organiser
PROPOSAL = "proposal:"  # and a number: the fact that its next verdict is a proposal (rejudge.py)
REPLAY = "replay:"  # and a number: the fact that somebody, whose id is its value, wants it run once more (replays.py)
_TURN = "turn"  # of what began last
_RECENT = 20  # gradings of a task that the expected time is taken from
_LOOKED_AT = 1000  # gradings of all tasks among which these are looked for: many students ask at a time


@dataclass(frozen=True)
class Lease:
    """A submission lent to a worker: nobody else grades it as long as the lease is renewed."""

    id: str
    number: int
    team: str
    task: str
    file: str
    received: str


@dataclass(frozen=True)
class QueuePlace:
    """Where a submission stands: `ahead` are graded before it; `seconds` until it begins, None while nothing is known."""

    number: int
    ahead: int
    seconds: float | None


def turn_for(transaction: Transaction, team: str) -> int:
    """Return the turn of a new submission of a team."""
    row = transaction.connection.execute(
        "SELECT MAX(turn) AS turn FROM submissions WHERE team = ? AND state NOT IN ('replaced', 'cancelled')",
        (team,),
    ).fetchone()
    return max(int(fact(transaction, _TURN) or 0), row["turn"] or 0) + 1


def admit(transaction: Transaction, number: int) -> None:
    """Put into the queue what was received and can be started."""
    if _move(transaction, number, AttemptState.QUEUED, {AttemptState.RECEIVED}):
        _record(transaction, EventKind.QUEUED, number)


def received(transaction: Transaction) -> list[Lease]:
    """Return what was received and not looked at yet, the earliest first; its leases are not valid."""
    query = "SELECT * FROM submissions WHERE state = 'received' ORDER BY number"
    return [_lease(row, "") for row in transaction.connection.execute(query)]


def has_work(transaction: Transaction) -> bool:
    """Return whether anything waits, also for a replay, or is lent to a worker that is silent."""
    waits = "SELECT 1 FROM submissions WHERE state IN ('received', 'queued') LIMIT 1"
    if transaction.connection.execute(waits).fetchone() or _overdue(transaction):
        return True
    return bool(
        transaction.connection.execute("SELECT 1 FROM facts WHERE name GLOB ?", (f"{REPLAY}*",)).fetchone()
    )


def take(transaction: Transaction, worker: str, *, tasks: Collection[str], most: int) -> list[Lease]:
    """Lend the next submission of `tasks` to a worker, and after it others of the same task, `most` of them at most.

    A task of which another worker has submissions is that worker's: its results have one writer.
    """
    query = (
        "SELECT * FROM submissions WHERE state = 'queued' AND task NOT IN (SELECT task FROM submissions "
        "JOIN leases ON submission = number WHERE worker <> ?) ORDER BY forced DESC, turn, COALESCE(since, number)"
    )
    waiting = [row for row in transaction.connection.execute(query, (worker,)) if row["task"] in tasks]
    rows = [row for row in waiting if row["task"] == waiting[0]["task"]][:most]
    leases = []
    for row in rows:
        lease = _lease(row, secrets.token_hex(16))
        moment = transaction.moment
        transaction.connection.execute(
            "INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?)",
            (lease.number, lease.id, worker, moment.ticks, moment.ticks + LEASE_SECONDS, moment.boot),
        )
        _move(transaction, lease.number, AttemptState.RUNNING, {AttemptState.QUEUED})
        _record(transaction, EventKind.STARTED, lease.number)
        leases.append(lease)
    if turns := [row["turn"] for row in rows if not row["forced"]]:
        keep_fact(transaction, _TURN, str(max(int(fact(transaction, _TURN) or 0), *turns)))
    return leases


def renew(transaction: Transaction, worker: str, slots: int) -> None:
    """Renew every lease of a worker that is alive and has so many slots."""
    moment, process = transaction.moment, ProcessIdentity.of_this()
    transaction.connection.execute(
        "INSERT INTO workers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, "
        "alive = excluded.alive, boot = excluded.boot",
        (worker, slots, moment.ticks, moment.boot, process.number, process.counted_by),
    )
    transaction.connection.execute(
        "UPDATE leases SET ends = ?, boot = ? WHERE worker = ?",
        (moment.ticks + LEASE_SECONDS, moment.boot, worker),
    )


def expire(transaction: Transaction) -> list[int]:
    """Put back what was lent to workers that are silent; what fails so again and again is held. Return the numbers."""
    numbers = _overdue(transaction)
    for number in numbers:
        _fail(transaction, number, EventKind.EXPIRED, "its worker ended or is silent")
    return numbers


def give_back(transaction: Transaction, worker: str) -> None:
    """Put back what a worker has that is about to stop: nobody failed, so it is not counted."""
    query = "SELECT submission FROM leases WHERE worker = ?"
    for row in transaction.connection.execute(query, (worker,)).fetchall():
        _end_lease(transaction, row["submission"])
        _move(transaction, row["submission"], AttemptState.QUEUED, {AttemptState.RUNNING})
        _record_reason(transaction, EventKind.RELEASED, row["submission"], "its worker stopped")


def record_result(transaction: Transaction, lease: Lease, result: Result) -> bool:
    """Record what came of grading; a failure of ours puts the submission back. Return False where the lease is over.

    What is recorded under a lease is recorded once: whoever was silent too long comes too late.
    """
    valid = transaction.connection.execute("SELECT 1 FROM leases WHERE id = ?", (lease.id,)).fetchone()
    if valid is None:
        return False
    if result.points is None:
        _fail(transaction, lease.number, EventKind.FAILED, result.message)
        return True
    answer(transaction, lease.number, result)
    return True


def answer(transaction: Transaction, number: int, result: Result) -> None:
    """Record the verdict of a submission that is running, or was received and cannot start; in a rejudge, as a proposal."""
    if not _move(transaction, number, AttemptState.DONE, {AttemptState.RUNNING, AttemptState.RECEIVED}):
        return
    transaction.connection.execute("DELETE FROM leases WHERE submission = ?", (number,))
    values: dict[str, Any] = {
        "verdict": str(result.verdict), "points": result.points, "message": result.message, "traceback": result.traceback,
        "seconds": result.seconds.total, "repeats": list(result.metrics.per_repeat) if result.metrics else [],
    }  # fmt: skip
    if is_proposal(transaction, number):
        keep_fact(transaction, f"{PROPOSAL}{number}", json.dumps(values))
        return
    record_verdict(transaction, number, **values)


def is_proposal(transaction: Transaction, number: int) -> bool:
    """Return whether the next verdict of a submission is a proposal, because it is judged again."""
    return fact(transaction, f"{PROPOSAL}{number}") is not None


def forget_proposal(transaction: Transaction, number: int) -> str | None:
    """Return what is proposed for a submission, "" as long as that is not known, and forget it; None where nothing is."""
    row = transaction.connection.execute(
        "DELETE FROM facts WHERE name = ? RETURNING value", (f"{PROPOSAL}{number}",)
    ).fetchone()
    return str(row["value"]) if row else None


def record_verdict(transaction: Transaction, number: int, *, repeats: list[float], **values: Any) -> None:
    """Let a verdict count from now on: `values` are those of the table of verdicts, `repeats` the scores behind the points."""
    transaction.connection.execute(
        "INSERT INTO verdicts (submission, recorded, verdict, points, message, traceback, seconds) "
        "VALUES (:submission, :recorded, :verdict, :points, :message, :traceback, :seconds)",
        {"submission": number, "recorded": transaction.moment.text, **values},
    )
    data = {"verdict": values["verdict"], "points": values["points"], "repeats": repeats}
    _record(transaction, EventKind.VERDICT, number, data)


def replace_waiting(transaction: Transaction, team: str, task: str) -> tuple[int, int] | None:
    """Take what waits of a team in a task out of the queue, because a newer one is there.

    Return its turn and since which number it has that, for the newer one; None where nothing waited. What waits to be
    graded once more stays.
    """
    query = (
        "SELECT number, turn, COALESCE(since, number) AS since FROM submissions WHERE team = ? AND task = ? "
        "AND state IN ('received', 'queued') AND NOT EXISTS (SELECT 1 FROM verdicts WHERE submission = number)"
    )
    rows = transaction.connection.execute(query, (team, task)).fetchall()
    for row in rows:
        _must_move(
            transaction, row["number"], AttemptState.REPLACED, {AttemptState.RECEIVED, AttemptState.QUEUED}
        )
        _record(transaction, EventKind.REPLACED, row["number"])
    return min(((int(row["turn"]), int(row["since"])) for row in rows), default=None)


def force(transaction: Transaction, number: int, reason: str) -> None:
    """Let a submission that waits, or is held, come next. Raises UsageError where it does neither."""
    if state_of(transaction, number) not in (AttemptState.RECEIVED, AttemptState.QUEUED):
        release(transaction, number, reason)
    transaction.connection.execute("UPDATE submissions SET forced = 1 WHERE number = ?", (number,))
    _record_reason(transaction, EventKind.FORCED, number, reason)


def requeue(transaction: Transaction, number: int, reason: str) -> None:
    """Grade a submission again, whatever became of it; its verdict of before counts until there is another."""
    _end_lease(transaction, number)
    _must_move(transaction, number, AttemptState.QUEUED, set(AttemptState))
    transaction.connection.execute("UPDATE submissions SET failures = 0 WHERE number = ?", (number,))
    _record_reason(transaction, EventKind.REQUEUED, number, reason)


def hold(transaction: Transaction, number: int, reason: str) -> None:
    """Keep a submission from being graded until it is released."""
    _end_lease(transaction, number)
    states = {AttemptState.RECEIVED, AttemptState.QUEUED, AttemptState.RUNNING}
    _must_move(transaction, number, AttemptState.HELD, states)
    _record_reason(transaction, EventKind.HELD, number, reason)


def release(transaction: Transaction, number: int, reason: str) -> None:
    """Let a submission that was held be graded. Raises UsageError where it is not."""
    _must_move(transaction, number, AttemptState.QUEUED, {AttemptState.HELD})
    transaction.connection.execute("UPDATE submissions SET failures = 0 WHERE number = ?", (number,))
    _record_reason(transaction, EventKind.RELEASED, number, reason)


def cancel(transaction: Transaction, number: int, reason: str) -> None:
    """Take a submission out for good: it is not graded, nor judged again, and counts for nothing."""
    _end_lease(transaction, number)
    _must_move(transaction, number, AttemptState.CANCELLED, set(AttemptState) - {AttemptState.CANCELLED})
    forget_proposal(transaction, number)
    _record_reason(transaction, EventKind.CANCELLED, number, reason)


def place_of(transaction: Transaction, number: int) -> QueuePlace | None:
    """Return where a submission that waits stands, as `places` does; None where it does not wait."""
    row = _row(transaction, number)
    if row["state"] not in (AttemptState.RECEIVED, AttemptState.QUEUED):
        return None
    query = (
        "SELECT task, COUNT(*) AS ahead FROM submissions WHERE state IN ('received', 'queued') "
        "AND (-forced, turn, COALESCE(since, number)) < (?, ?, ?) GROUP BY task"
    )
    values = -row["forced"], row["turn"], row["since"] or number
    ahead = {known["task"]: known["ahead"] for known in transaction.connection.execute(query, values)}
    seconds, slots = _mean_seconds(transaction), live_slots(transaction)
    work = sum(_left(transaction.moment, known, seconds) for known in _running(transaction))
    work += sum(times * _expected(task, seconds) for task, times in ahead.items())
    known = slots > 0 and bool(seconds)
    return QueuePlace(number, sum(ahead.values()), work / slots if known else None)


def places(transaction: Transaction) -> list[QueuePlace]:
    """Return where everything that waits stands, what is next first.

    The expected seconds are what is ahead, by the mean of the last gradings of each task, over the slots of live workers.
    """
    seconds = _mean_seconds(transaction)
    slots = live_slots(transaction)
    work = sum(_left(transaction.moment, row, seconds) for row in _running(transaction))
    query = "SELECT number, task FROM submissions WHERE state IN ('received', 'queued') ORDER BY forced DESC, turn, COALESCE(since, number)"
    standing = []
    for ahead, row in enumerate(transaction.connection.execute(query)):
        known = slots > 0 and bool(seconds)
        standing.append(QueuePlace(row["number"], ahead, work / slots if known else None))
        work += _expected(row["task"], seconds)
    return standing


def live_slots(transaction: Transaction) -> int:
    """Return how many submissions the workers that are alive grade at a time."""
    moment = transaction.moment
    row = transaction.connection.execute(
        "SELECT SUM(slots) AS slots FROM workers WHERE boot = ? AND alive BETWEEN ? AND ?",
        (moment.boot, moment.ticks - LEASE_SECONDS, moment.ticks),
    ).fetchone()
    return int(row["slots"] or 0)


def state_of(transaction: Transaction, number: int) -> AttemptState:
    """Return the state of a submission. Raises UsageError where there is none of this number."""
    return AttemptState(_row(transaction, number)["state"])


def _overdue(transaction: Transaction) -> list[int]:
    """Return what was lent to workers that have ended, or have been silent for too long."""
    moment = transaction.moment
    query = "SELECT leases.*, process, counted_by FROM leases LEFT JOIN workers ON workers.id = leases.worker"
    return [
        row["submission"]
        for row in transaction.connection.execute(query).fetchall()
        if row["boot"] != moment.boot
        or not row["began"] <= moment.ticks <= row["ends"]
        or (row["process"] is not None and ProcessIdentity(row["process"], row["counted_by"]).has_ended())
    ]


def _row(transaction: Transaction, number: int) -> sqlite3.Row:
    row: sqlite3.Row | None = transaction.connection.execute(
        "SELECT * FROM submissions WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        raise UsageError(f"there is no submission {number}")
    return row


def _lease(row: sqlite3.Row, identity: str) -> Lease:
    return Lease(identity, row["number"], row["team"], row["task"], row["file"], row["received"])


def _move(
    transaction: Transaction, number: int, state: AttemptState, allowed: Collection[AttemptState]
) -> bool:
    """Change the state of a submission that is in one of the `allowed`; return whether it was."""
    if state_of(transaction, number) not in allowed:
        return False
    transaction.connection.execute("UPDATE submissions SET state = ? WHERE number = ?", (state, number))
    return True


def _must_move(
    transaction: Transaction, number: int, state: AttemptState, allowed: Collection[AttemptState]
) -> None:
    if not _move(transaction, number, state, allowed):
        raise UsageError(
            f"submission {number} is {state_of(transaction, number)}, so it cannot become {state}"
        )


def _end_lease(transaction: Transaction, number: int) -> None:
    transaction.connection.execute("DELETE FROM leases WHERE submission = ?", (number,))


def _fail(transaction: Transaction, number: int, kind: EventKind, problem: str) -> None:
    """Put a submission back that the grader failed on; after several failures in a row it is held."""
    _end_lease(transaction, number)
    failures = _row(transaction, number)["failures"] + 1
    transaction.connection.execute("UPDATE submissions SET failures = ? WHERE number = ?", (failures, number))
    _move(transaction, number, AttemptState.QUEUED, {AttemptState.RUNNING})
    _record_reason(transaction, kind, number, problem)
    if failures >= MOST_FAILURES:
        _move(transaction, number, AttemptState.HELD, {AttemptState.QUEUED})
        _record_reason(transaction, EventKind.HELD, number, "the grader failed several times in a row")


def _record(
    transaction: Transaction, kind: EventKind, number: int, data: dict[str, Any] | None = None
) -> None:
    row = _row(transaction, number)
    transaction.record(Happening(kind, row["team"], row["task"], number, data or {}))


def _record_reason(transaction: Transaction, kind: EventKind, number: int, reason: str) -> None:
    digest = transaction.keep_text(reason, "", _row(transaction, number)["team"])
    _record(transaction, kind, number, {"reason": digest})


def _mean_seconds(transaction: Transaction) -> dict[str, float]:
    """Return the mean seconds of the last gradings of each task that had any."""
    query = (
        "SELECT task, AVG(seconds) AS mean FROM (SELECT task, seconds, ROW_NUMBER() OVER "
        "(PARTITION BY task ORDER BY verdicts.id DESC) AS age FROM verdicts JOIN submissions "
        "ON submissions.number = verdicts.submission WHERE seconds > 0 AND verdicts.id > "
        "(SELECT MAX(id) - ? FROM verdicts)) WHERE age <= ? GROUP BY task"
    )
    rows = transaction.connection.execute(query, (_LOOKED_AT, _RECENT))
    return {row["task"]: row["mean"] for row in rows}


def _expected(task: str, seconds: dict[str, float]) -> float:
    """Return how many seconds a grading of a task takes, as the slowest one does where none of it is known."""
    return seconds.get(task, max(seconds.values(), default=0.0))


def _running(transaction: Transaction) -> Sequence[sqlite3.Row]:
    query = "SELECT task, began FROM leases JOIN submissions ON number = submission"
    return transaction.connection.execute(query).fetchall()


def _left(moment: Moment, row: sqlite3.Row, seconds: dict[str, float]) -> float:
    """Return for how many seconds more what runs is expected to run."""
    mean = seconds.get(row["task"], 0.0)
    return max(0.0, mean - max(0.0, moment.ticks - float(row["began"])))
