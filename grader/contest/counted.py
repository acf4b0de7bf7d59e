"""Record in the gradebooks which attempt of each team counts in the contest, so that final rounds, reports and exports agree with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.contest.board import ranking
from grader.contest.events import EventKind, all_events
from grader.contest.store import GRADING
from grader.gradebook.gradebook import FILE_NAME, Choice, writing

if TYPE_CHECKING:
    from grader.contest.folder import ContestFolder

_REASON = "counts in the contest"


def choose_what_counts(contest: ContestFolder) -> int:
    """Record in the gradebook of each task which attempt of each team counts; return how many there are.

    What was answered without being graded is in no gradebook. Raises UsageError where a worker is writing to one.
    """
    with contest.store.reading() as transaction:
        events = list(all_events(transaction.connection))
    digests = {event.submission: event.data["sha256"] for event in events if event.kind is EventKind.RECEIVED}
    rows = ranking(contest.spec, events)
    chosen = 0
    for task in contest.spec.tasks:
        out = contest.store.folder / GRADING / task.id
        if not (out / FILE_NAME).is_file():
            continue
        wanted = {row.team: digests.get(row.cells[task.id].number) for row in rows}
        with writing(out) as book:
            attempts = {
                (entry.result.student, entry.result.submission_sha256): entry.attempt
                for entry in book.history()
            }
            for team, digest in wanted.items():
                attempt = attempts.get((team, digest)) if digest else None
                if attempt is not None:
                    book.choose(Choice(task.id, team, attempt, _REASON))
                    chosen += 1
    return chosen
