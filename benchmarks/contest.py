"""Measure how fast a contest takes files and shows its leaderboard: `python benchmarks/contest.py [UPLOADS] [THREADS]`.

Files of 100 kB go to a real site over HTTP, at the pace of 2,000 in a minute, as in a rush before a deadline, and then as fast as
it takes them. Each is forced to the disk before its receipt counts. Nothing is graded: verdicts are recorded as a worker does,
and a reader looks at the leaderboard until it has them.
"""

from __future__ import annotations

import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING

from grader.contest import queue
from grader.contest.folder import Contest, start_contest
from grader.contest.people import NewParticipant, enrol, new_code, new_token
from grader.contest.views import board_view
from grader.errors import Verdict
from grader.gradebook.result import Metrics, Result, Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RULES = """
title = "Benchmark"
tasks = [{ name = "noisy_labels" }]
windows = [{ opens = 2020-01-01T00:00:00Z, closes = 2120-01-01T00:00:00Z }]
cooldown = { minutes = 0 }
"""
PACE = 2000 / 60  # uploads a second
CONTENT = bytes(100_000)
BOARD_TRIES, LOOK_SECONDS = 5, 0.1
SCORED = Result(
    "file", "noisy_labels", "1", "team", "", "", Verdict.SCORED, "", 0, Metrics(0.5, {}, [0.5], 0.0), Seconds(1.0), 0, [], [], "cpu", ""
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A site to hand in to, and a token for each student."""

    port: int
    tokens: Sequence[str]

    def upload(self, number: int) -> float:
        """Hand in as one of the students, and return the seconds until the receipt was there."""
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        token = self.tokens[number % len(self.tokens)]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(number)}
        connection.request("PUT", "/submit/noisy_labels", CONTENT, headers)
        status = connection.getresponse().status
        connection.close()
        assert status == 201, status
        return time.perf_counter() - begun

    def rush(self, numbers: range, threads: int, pace: float) -> tuple[list[float], float]:
        """Return the seconds of each upload, sorted, and those of all of them; `pace` a second at most."""
        seconds: list[float] = []
        begun = time.perf_counter()

        def play(start: int) -> None:
            for index in range(start, len(numbers), threads):
                time.sleep(max(0.0, begun + index / pace - time.perf_counter()))
                seconds.append(self.upload(numbers[index]))

        workers = [threading.Thread(target=play, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sorted(seconds), time.perf_counter() - begun


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve a contest without a worker, and yield the port."""
    command = [sys.executable, "-m", "grader", "serve", str(folder), "--jobs", "0", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()


def grade(contest: Contest, points: int) -> None:
    """Record a verdict with these points for everything that waits."""
    with contest.store.writing() as transaction:
        for lease in queue.received(transaction):
            queue.answer(transaction, lease.number, replace(SCORED, points=points))


def board_age(contest: Contest, target: Target, code: str) -> float:
    """Return the most seconds after which a verdict stands on the leaderboard that somebody reads all the time."""
    address = f"http://127.0.0.1:{target.port}"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    browser.open(f"{address}/sign-in", urllib.parse.urlencode({"code": code}).encode())
    ages = []
    for turn in range(1, BOARD_TRIES + 1):
        target.upload(-turn)
        grade(contest, turn)
        begun = time.perf_counter()
        while not re.search(rf'points">{turn}<', browser.open(f"{address}/board").read().decode()):
            time.sleep(LOOK_SECONDS)
        ages.append(time.perf_counter() - begun)
    return max(ages)


def show(name: str, seconds: Sequence[float], total: float) -> None:
    """Print how fast receipts came."""
    p99 = seconds[int(0.99 * len(seconds))]
    print(
        f"{name}: {len(seconds) / total:.0f} uploads a second, receipt median {statistics.median(seconds) * 1000:.0f} ms, "
        f"p99 {p99 * 1000:.0f} ms"
    )


def main(uploads: int = 2000, threads: int = 40) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="contest-") as folder:
        contest = start_contest(Path(folder) / "contest", RULES)
        with contest.store.writing() as transaction:
            people = enrol(transaction, [NewParticipant(f"Student {number}") for number in range(uploads)])
            code = new_code(transaction, people[0].id)
            tokens = [new_token(transaction, person.id) for person in people]
        with served(contest.store.folder) as port:
            target = Target(port, tokens)
            show("2,000 a minute", *target.rush(range(uploads), threads, PACE))
            show(f"{threads} at a time", *target.rush(range(uploads, 2 * uploads), threads, float("inf")))
            grade(contest, 0)
            begun = time.perf_counter()
            with contest.store.reading() as transaction:
                board_view(transaction, contest.spec)
            made = time.perf_counter() - begun
            age = board_age(contest, target, code)
    print(
        f"leaderboard of {uploads} teams: made in {made * 1000:.0f} ms, a verdict is on it after {age:.1f} s at most"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
