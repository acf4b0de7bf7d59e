"""Talk with people: announcements, questions with their answers, appeals; and the organisers' decisions about a team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest.events import EventKind, Happening, events_of
from grader.contest.moments import iso
from grader.contest.people import participant
from grader.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from grader.contest.store import Transaction

ERASED = "(erased)"
_MOST_LETTERS = 4000  # of a question


@dataclass(frozen=True)
class Announcement:
    """What organisers told everybody; `task` is "" where it is about all."""

    number: int
    at: str
    task: str
    text: str


@dataclass(frozen=True)
class Question:
    """What somebody asked, and the answer, if there is one; `appeal` is the submission that it appeals about."""

    number: int
    at: str
    person: str
    task: str
    text: str
    appeal: int | None
    answered: str | None
    answer: str | None
    public: bool


def announce(transaction: Transaction, author: str, text: str, task: str = "") -> int:
    """Publish an announcement to everybody; return its number."""
    digest = transaction.keep_text(_written(text), author)
    cursor = transaction.connection.execute(
        "INSERT INTO announcements (at, task, text) VALUES (?, ?, ?)", (transaction.moment.text, task, digest)
    )
    transaction.record(Happening(EventKind.ANNOUNCED, task=task, data={"author": author, "text": digest}))
    return int(cursor.lastrowid or 0)


def announcements(transaction: Transaction) -> list[Announcement]:
    """Return what was announced, the latest first."""
    query = (
        "SELECT announcements.id, at, task, texts.text AS written FROM announcements "
        "JOIN texts ON texts.digest = announcements.text ORDER BY announcements.id DESC"
    )
    rows = transaction.connection.execute(query)
    return [Announcement(row["id"], row["at"], row["task"], row["written"] or ERASED) for row in rows]


def ask(
    transaction: Transaction, person: str, text: str, *, task: str = "", appeal: int | None = None
) -> int:
    """Keep a question of somebody, or an appeal about one of the team's submissions; return its number.

    Raises UsageError where the submission is another team's, or the text is empty or too long.
    """
    sender = participant(transaction, person)
    if appeal is not None and task_of(transaction, sender.team, appeal) is None:
        raise UsageError(f"submission {appeal} is not one of your team's")
    digest = transaction.keep_text(_written(text), person)
    cursor = transaction.connection.execute(
        "INSERT INTO questions (at, person, task, text, appeal) VALUES (?, ?, ?, ?, ?)",
        (transaction.moment.text, person, task, digest, appeal),
    )
    number = int(cursor.lastrowid or 0)
    data = {"person": person, "question": number, "text": digest}
    transaction.record(Happening(EventKind.ASKED, sender.team, task, appeal, data))
    return number


def answer_question(transaction: Transaction, question: int, *, author: str, text: str, public: bool) -> None:
    """Answer a question, for whoever asked or for everybody; a later answer takes the place of an earlier one.

    Raises UsageError where there is no such question.
    """
    row = transaction.connection.execute("SELECT * FROM questions WHERE id = ?", (question,)).fetchone()
    if row is None:
        raise UsageError(f"there is no question {question}")
    digest = transaction.keep_text(_written(text), author, row["person"])
    transaction.connection.execute(
        "UPDATE questions SET answered = ?, answer = ?, public = ? WHERE id = ?",
        (transaction.moment.text, digest, int(public), question),
    )
    team = participant(transaction, row["person"]).team
    data = {"question": question, "author": author, "text": digest, "public": public}
    transaction.record(Happening(EventKind.ANSWERED, team, row["task"], row["appeal"], data))


def questions(transaction: Transaction, person: str | None = None) -> list[Question]:
    """Return the questions that somebody may see, their own and answered ones for everybody; without `person`, all."""
    query = (
        "SELECT questions.*, asked.text AS question, answers.text AS reply FROM questions "
        "JOIN texts AS asked ON asked.digest = questions.text "
        "LEFT JOIN texts AS answers ON answers.digest = questions.answer "
        "WHERE ? IS NULL OR questions.person = ? OR (questions.public AND answered IS NOT NULL) ORDER BY questions.id DESC"
    )
    return [
        Question(
            row["id"], row["at"], row["person"], row["task"], row["question"] or ERASED, row["appeal"], row["answered"],
            (row["reply"] or ERASED) if row["answer"] else None, bool(row["public"]),
        )
        for row in transaction.connection.execute(query, (person, person))
    ]  # fmt: skip


def extend(
    transaction: Transaction, team: str, until: datetime | None, *, task: str, author: str, reason: str
) -> None:
    """Move the last close of a task ("": of all) for a team ("": for all); `until` None takes that back."""
    data = {"until": iso(until) if until else None, "author": author}
    _decide(transaction, Happening(EventKind.EXTENDED, team, task, data=data), reason)


def disqualify(
    transaction: Transaction, number: int, *, disqualified: bool, author: str, reason: str
) -> None:
    """Let a submission count 0 points, or take that back. Raises UsageError where there is none of this number."""
    row = transaction.connection.execute(
        "SELECT team, task FROM submissions WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        raise UsageError(f"there is no submission {number}")
    data = {"disqualified": disqualified, "author": author}
    _decide(transaction, Happening(EventKind.DISQUALIFIED, row["team"], row["task"], number, data), reason)


def choose_attempt(transaction: Transaction, person: str, number: int) -> None:
    """Let one of the team's submissions be the one that counts.

    Raises UsageError where it is another team's, or the contest is closed: its ranking is in the archive.
    """
    team = participant(transaction, person).team
    task = task_of(transaction, team, number)
    if task is None:
        raise UsageError(f"submission {number} is not one of your team's")
    if any(event.kind is EventKind.CLOSED for event in events_of(transaction.connection, team, task)):
        raise UsageError("the contest is closed; which attempts count can no longer be chosen")
    transaction.record(Happening(EventKind.CHOSEN, team, task, number, {"person": person}))


def task_of(transaction: Transaction, team: str, number: int) -> str | None:
    """Return the task of a submission of a team; None where the team has none of this number."""
    row = transaction.connection.execute(
        "SELECT task FROM submissions WHERE number = ? AND team = ?", (number, team)
    ).fetchone()
    return str(row["task"]) if row else None


def _decide(transaction: Transaction, happening: Happening, reason: str) -> None:
    digest = transaction.keep_text(_written(reason), happening.data["author"], happening.team)
    transaction.record(
        Happening(
            happening.kind,
            happening.team,
            happening.task,
            happening.submission,
            happening.data | {"reason": digest},
        )
    )


def _written(text: str) -> str:
    """Return a text that says something. Raises UsageError where it does not, or is too long."""
    if not text.strip():
        raise UsageError("the text is empty; write a sentence")
    if len(text) > _MOST_LETTERS:
        raise UsageError(f"the text has more than {_MOST_LETTERS} letters; shorten it")
    return text.strip()
