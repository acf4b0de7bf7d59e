"""Ask for a submission to be run once more as evidence, and keep what came of it: an event, and an answer to its appeal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grader.contest import desk
from grader.contest.events import EventKind, Happening, event_of
from grader.contest.queue import REPLAY
from grader.contest.store import fact, keep_fact
from grader.errors import UsageError
from grader.text import count

if TYPE_CHECKING:
    import sqlite3

    from grader.contest.spec import BoardRules
    from grader.contest.store import Transaction


@dataclass(frozen=True)
class ReplayEvidence:
    """What came of running a submission once more with the same seeds.

    `compared` repeats were compared bit for bit, and `different` names what was not the same; `predictions` is the SHA-256
    of all predictions, then and now, and `points` are those of 100, of then and of now. `problem` says why it could not be run.
    """

    compared: int = 0
    different: tuple[str, ...] = ()
    predictions: tuple[str, str] = ("", "")
    points: tuple[int | None, int | None] = (None, None)
    problem: str = ""

    @property
    def is_same(self) -> bool:
        """Whether everything was the same: predictions bit for bit, and points."""
        return not self.problem and not self.different and self.points[0] == self.points[1]


@dataclass(frozen=True)
class ReplayRecord:
    """Evidence as it was recorded, with its time (ISO 8601 in UTC) and who asked for it."""

    at: str
    author: str
    evidence: ReplayEvidence


def ask_replay(transaction: Transaction, number: int, *, author: str, reason: str) -> None:
    """Let a worker run a submission once more, for a reason, which is kept. Raises UsageError where it has no verdict, or waits for that already."""
    row = replayable(transaction, number)
    if fact(transaction, f"{REPLAY}{number}") is not None:
        raise UsageError(f"submission {number} waits for its replay already")
    digest = transaction.keep_text(reason, author, row["team"])
    keep_fact(transaction, f"{REPLAY}{number}", f"{author} {digest}")


def replayable(transaction: Transaction, number: int) -> sqlite3.Row:
    """Return team and task of a submission that can be run once more. Raises UsageError where it has no verdict."""
    query = "SELECT team, task FROM submissions WHERE number = ? AND state = 'done'"
    row: sqlite3.Row | None = transaction.connection.execute(query, (number,)).fetchone()
    if row is None:
        raise UsageError(f"submission {number} has no verdict that could be replayed")
    return row


def asked_replays(transaction: Transaction) -> list[tuple[int, str]]:
    """Return number and task of those that a worker should run once more, the lowest number first."""
    query = "SELECT number, task FROM submissions JOIN facts ON name = ? || number ORDER BY number"
    return [(row["number"], row["task"]) for row in transaction.connection.execute(query, (REPLAY,))]


def record_replay(
    transaction: Transaction, number: int, evidence: ReplayEvidence, *, board: BoardRules
) -> None:
    """Record what came of a replay, and answer the appeals about it that nobody answered.

    Answers name points as the `board` shows them.
    """
    name = f"{REPLAY}{number}"
    author, _, reason = (fact(transaction, name) or "").partition(" ")
    transaction.connection.execute("DELETE FROM facts WHERE name = ?", (name,))
    row = transaction.connection.execute(
        "SELECT team, task FROM submissions WHERE number = ?", (number,)
    ).fetchone()
    problem = transaction.keep_text(evidence.problem, author, row["team"]) if evidence.problem else ""
    data: dict[str, Any] = {
        **asdict(evidence),
        "problem": problem,
        "same": evidence.is_same,
        "author": author,
        "reason": reason,
    }
    transaction.record(Happening(EventKind.REPLAYED, row["team"], row["task"], number, data))
    if evidence.problem:
        return  # an organiser answers
    for question in desk.questions(transaction):
        if question.appeal == number and question.answer is None:
            text = _answer(evidence, board)
            desk.answer_question(transaction, question.number, author=author, text=text, public=False)


def replays_of_submission(transaction: Transaction, number: int) -> list[ReplayRecord]:
    """Return what came of each replay of a submission, the earliest first."""
    query = "SELECT * FROM events WHERE kind = ? AND submission = ? ORDER BY number"
    events = [event_of(row) for row in transaction.connection.execute(query, (EventKind.REPLAYED, number))]
    return [
        ReplayRecord(
            event.at,
            event.data["author"],
            ReplayEvidence(
                event.data["compared"],
                tuple(event.data["different"]),
                tuple(event.data["predictions"]),
                tuple(event.data["points"]),
                _text(transaction, event.data["problem"]),
            ),
        )
        for event in events
    ]


def _text(transaction: Transaction, digest: str) -> str:
    row = transaction.connection.execute("SELECT text FROM texts WHERE digest = ?", (digest,)).fetchone()
    return (row["text"] or desk.ERASED) if row else ""


def _answer(evidence: ReplayEvidence, board: BoardRules) -> str:
    """Return what the student reads who appealed."""
    repeats = count(evidence.compared, "repeat")
    points = evidence.points[0]
    shown = "no" if points is None else str(board.coarse(points))
    if evidence.is_same and not evidence.compared:
        return (
            "Your submission was run once more with the same seeds. It ended in the same way, without predictions, and the "
            f"points are the same: {shown} of 100."
        )
    if evidence.is_same:
        return (
            f"Your submission was run once more with the same seeds. The predictions of {repeats} are the same bit for bit "
            f"(SHA-256 {evidence.predictions[0]}), and so are the points: {shown} of 100."
        )
    return (
        "Your submission was run once more with the same seeds, and something differs from the record: "
        f"{'; '.join(evidence.different) or 'the points'}. The organisers look at it."
    )
