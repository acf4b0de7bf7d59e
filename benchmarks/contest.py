"""Measure how fast a contest takes files and shows its leaderboard: `python benchmarks/contest.py [UPLOADS] [THREADS]`.

Uploads of 100 kB come from threads of one process, as in a rush before a deadline. Each is forced to the disk before its receipt
counts. Nothing is graded: verdicts are recorded as a worker does.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from grader.contest import queue
from grader.contest.folder import Contest, start_contest
from grader.contest.intake import Ticket
from grader.contest.people import NewParticipant, Participant, enrol
from grader.contest.views import board_view
from grader.errors import Verdict
from grader.gradebook.result import Result, Seconds

RULES = """
title = "Benchmark"
tasks = [{ name = "task" }]
windows = [{ opens = 2020-01-01T00:00:00Z, closes = 2120-01-01T00:00:00Z }]
cooldown = { minutes = 0 }
"""
CONTENT = [bytes(1000)] * 100
FAILED = Result(
    "file", "task", "1", "team", "", "", Verdict.SLOT_ERROR, "", 0, None, Seconds(1.0), 0, [], [], "cpu", ""
)  # fmt: skip


def rush(
    contest: Contest, people: list[Participant], uploads: int, threads: int
) -> tuple[list[float], float]:
    """Return the seconds of each upload, sorted, and those of all of them."""
    seconds: list[float] = []

    def play(start: int) -> None:
        for number in range(start, uploads, threads):
            begun = time.perf_counter()
            contest.intake.take(Ticket(people[number % len(people)].id, "task", "api", str(number)), CONTENT)
            seconds.append(time.perf_counter() - begun)

    workers = [threading.Thread(target=play, args=(number,)) for number in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sorted(seconds), time.perf_counter() - begun


def grade_all(contest: Contest) -> None:
    """Record a verdict for everything that waits."""
    with contest.store.writing() as transaction:
        for lease in queue.received(transaction):
            queue.answer(transaction, lease.number, FAILED)


def main(uploads: int = 400, threads: int = 8) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="contest-") as folder:
        contest = start_contest(Path(folder) / "contest", RULES)
        with contest.store.writing() as transaction:
            people = enrol(transaction, [NewParticipant(f"Student {number}") for number in range(uploads)])
        seconds, total = rush(contest, people, uploads, threads)
        grade_all(contest)
        begun = time.perf_counter()
        with contest.store.reading() as transaction:
            board_view(transaction, contest.spec)
        board = time.perf_counter() - begun
    print(f"{uploads} uploads from {threads} threads: {uploads / total:.0f} a second")
    print(
        f"receipt: median {statistics.median(seconds) * 1000:.0f} ms, p99 {seconds[int(0.99 * uploads)] * 1000:.0f} ms"
    )
    print(f"leaderboard of {uploads} teams: {board * 1000:.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
