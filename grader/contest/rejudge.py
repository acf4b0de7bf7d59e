"""Grade submissions again, and compare before anything changes: new verdicts are proposals until organisers apply them.

Verdicts of before count meanwhile. A rejudge makes sense after a task was mended: what the gradebook has under the same
conditions is not run again.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.contest import queue
from grader.contest.attempts import AttemptState
from grader.contest.store import keep_fact
from grader.errors import UsageError
from grader.languages import LANGUAGES
from grader.text import count

if TYPE_CHECKING:
    import sqlite3

    from grader.contest.store import Store, Transaction


@dataclass(frozen=True)
class ProposedVerdict:
    """A submission that is judged again: its verdict and points of before, and the new ones, None as long as they are missing."""

    number: int
    task: str
    team: str
    verdict: str
    points: int | None
    new_verdict: str | None
    new_points: int | None

    @property
    def waits(self) -> bool:
        """Whether it is not graded yet."""
        return self.new_verdict is None

    @property
    def changes(self) -> bool:
        """Whether applying it changes a verdict or points."""
        return not self.waits and (self.verdict, self.points) != (self.new_verdict, self.new_points)


def start_rejudge(transaction: Transaction, task: str, reason: str) -> int:
    """Grade again every submission of a task that has a verdict, as proposals; return how many there are.

    Raises UsageError while there is another rejudge, or where the task has none.
    """
    if proposals(transaction):
        raise UsageError("there is a rejudge already; apply or discard it first")
    query = (
        "SELECT number FROM submissions WHERE task = ? AND state = 'done' "
        "AND EXISTS (SELECT 1 FROM verdicts WHERE submission = number) ORDER BY number"
    )
    numbers = [row["number"] for row in transaction.connection.execute(query, (task,)).fetchall()]
    if not numbers:
        raise UsageError(f"nothing of {task} has a verdict yet")
    for number in numbers:
        keep_fact(transaction, f"{queue.PROPOSAL}{number}", "")
        queue.requeue(transaction, number, reason)
    return len(numbers)


def proposals(transaction: Transaction) -> list[ProposedVerdict]:
    """Return what is judged again, by number."""
    query = (
        "SELECT submissions.number, task, team, value, verdicts.verdict, verdicts.points FROM facts "
        "JOIN submissions ON facts.name = ? || number JOIN verdicts ON verdicts.id = "
        "(SELECT MAX(id) FROM verdicts WHERE submission = number) ORDER BY number"
    )
    rows = transaction.connection.execute(query, (queue.PROPOSAL,)).fetchall()
    return [_proposed(row) for row in rows]


def apply_rejudge(transaction: Transaction, store: Store) -> int:
    """Let the new verdicts count, with their pages; return how many changed.

    Raises UsageError while something is not graded yet.
    """
    proposed = proposals(transaction)
    pending = sum(known.waits for known in proposed)
    if not proposed or pending:
        raise UsageError(
            f"{count(pending, 'submission')} not graded yet" if pending else "there is no rejudge"
        )
    for known in proposed:
        values: dict[str, Any] = json.loads(queue.forget_proposal(transaction, known.number) or "")
        queue.record_verdict(transaction, known.number, **values)
        for language in LANGUAGES:
            with contextlib.suppress(FileNotFoundError):  # what could not start has no page
                store.proposed_feedback(known.number, language).replace(
                    store.feedback(known.number, language)
                )
    return sum(known.changes for known in proposed)


def discard_rejudge(transaction: Transaction, store: Store) -> int:
    """Forget the new verdicts, and what is not graded yet; those of before stay. Return how many there were."""
    proposed = proposals(transaction)
    for known in proposed:
        queue.forget_proposal(transaction, known.number)
        for language in LANGUAGES:
            store.proposed_feedback(known.number, language).unlink(missing_ok=True)
        transaction.connection.execute("DELETE FROM leases WHERE submission = ?", (known.number,))
        transaction.connection.execute(
            "UPDATE submissions SET state = ? WHERE number = ? AND state IN ('queued', 'running', 'held')",
            (AttemptState.DONE, known.number),
        )
    return len(proposed)


def _proposed(row: sqlite3.Row) -> ProposedVerdict:
    new = json.loads(row["value"]) if row["value"] else {}
    return ProposedVerdict(
        row["number"],
        row["task"],
        row["team"],
        row["verdict"],
        row["points"],
        new.get("verdict"),
        new.get("points"),
    )
