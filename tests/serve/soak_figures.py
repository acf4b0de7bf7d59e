"""What came of a soak, in numbers: how much happened, what was lost or counted twice, and how long people waited."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from grader.contest.events import EventKind, all_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from senders import Upload

    from grader.contest.events import Event
    from grader.contest.folder import Contest


def figures_of(contest: Contest, uploads: Sequence[Upload]) -> dict[str, Any]:
    """Return what students handed in, what the contest has of it, and the seconds until verdicts."""
    with contest.store.reading() as transaction:
        rows = transaction.connection.execute("SELECT key, state FROM submissions").fetchall()
        events = list(all_events(transaction.connection))
    seconds = seconds_to_verdicts(events)
    verdicts = Counter(event.submission for event in events if event.kind is EventKind.VERDICT)
    kept = Counter(row["key"] for row in rows)
    taken = [upload for upload in uploads if upload.receipt]
    return {
        "students": len({upload.student for upload in uploads}),
        "uploads": len(uploads),
        "receipts": len(taken),
        "refused": Counter(upload.refusal for upload in uploads if upload.refusal),
        "lost": sum(upload.key not in kept for upload in taken),
        "doubled": sum(number > 1 for counted in (kept, verdicts) for number in counted.values()),
        "states": Counter(row["state"] for row in rows),
        "seconds to a verdict": {"median": statistics.median(seconds), "longest": max(seconds)},
    }


def seconds_to_verdicts(events: Iterable[Event]) -> list[float]:
    """Return how long each submission waited for its first verdict, by a clock that nobody moves."""
    moved, begun, seconds = 0.0, dict[int | None, float](), list[float]()
    for event in events:
        if event.kind is EventKind.CLOCK_MOVED:
            moved += event.data["seconds"]
        steady = event.moment.timestamp() - moved
        if event.kind is EventKind.RECEIVED:
            begun[event.submission] = steady
        elif event.kind is EventKind.VERDICT and event.submission in begun:
            seconds.append(steady - begun.pop(event.submission))
    return seconds
