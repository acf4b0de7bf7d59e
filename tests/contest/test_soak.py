"""Real processes, killed at any moment: nothing that has a receipt is lost, counted twice, or stuck."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES

from grader.contest.attempts import AttemptState
from grader.contest.events import EventKind, all_events, broken_link
from grader.contest.folder import Contest, start_contest
from grader.contest.people import NewParticipant, enrol
from grader.contest.receipts import Receipt, is_genuine
from grader.contest.views import board_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Submit

    from grader.contest.people import Participant
    from grader.task.spec import Task

INTAKE = Path(__file__).with_name("intake_process.py")
JUMPS = [0, 0, 86_400, -86_400]  # seconds that a clock is ahead
ENDED = (AttemptState.DONE, AttemptState.REPLACED)
LIMIT_SECONDS = 120.0  # twice the toy task's; a queue that is not empty then is stuck


@dataclass(frozen=True)
class Scale:
    """How much happens: clients at once, people, uploads and kills of each, and kills of the worker."""

    clients: int
    people: int
    uploads: int
    kills: int
    worker_kills: int


@dataclass
class Client:
    """Hands in for some people in turn through a process of its own, and remembers what it has a receipt for."""

    contest: Contest
    people: list[Participant]
    files: list[Path]
    chance: random.Random
    receipts: dict[str, Receipt] = field(default_factory=dict)
    senders: dict[str, Participant] = field(default_factory=dict)
    sent: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def play(self, uploads: int, kills: int) -> None:
        """Hand in so often, and kill the process so often while it answers; what has no receipt is sent again."""
        doomed = set(self.chance.sample(range(uploads), kills))
        process = self._start()
        for number in range(uploads):
            key = f"upload-{number}"
            self.senders[key] = self.people[number % len(self.people)]
            self.sent[key] = self.chance.choice(self.files)
            trouble: dict[str, Any] = {"full": self.chance.random() < 0.2, "ahead": self.chance.choice(JUMPS)}
            if number in doomed:
                self._send(process, {"key": key} | trouble, kill=True)
                process = self._start()
            while key not in self.receipts:
                reply = self._send(process, {"key": key} | trouble)
                trouble = {"full": False, "ahead": 0}
                if "problem" in reply:
                    self.problems.append(reply["problem"])
                else:
                    self.receipts[key] = Receipt(**reply)
        process.terminate()
        process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(INTAKE), str(self.contest.store.folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def _send(
        self, process: subprocess.Popen[str], upload: dict[str, Any], *, kill: bool = False
    ) -> dict[str, Any]:
        """Return the reply; nothing of it where the process is killed, before or after it has written one."""
        assert process.stdin is not None
        assert process.stdout is not None
        line = upload | {"person": self.senders[upload["key"]].id, "file": str(self.sent[upload["key"]])}
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        if kill:
            time.sleep(self.chance.random() * 0.03)
            process.kill()
            process.communicate()
            return {}
        return dict(json.loads(process.stdout.readline()))


@contextlib.contextmanager
def killed_workers(contest: Contest, kills: int, chance: random.Random) -> Iterator[None]:
    """Keep a worker at work, and kill it so often, each time while it grades."""
    over = threading.Event()
    thread = threading.Thread(target=_keep_a_worker, args=(contest, kills, chance, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep_a_worker(contest: Contest, kills: int, chance: random.Random, over: threading.Event) -> None:
    for number in range(kills):
        process = _worker(contest)
        # Between two kills something is graded: what ends three workers in a row is held, as it should be.
        _wait_for(partial(_may_be_killed, contest, over, verdicts=number))
        time.sleep(chance.random())
        process.kill()
        process.wait()
    process = _worker(contest)
    over.wait()
    process.terminate()
    process.wait()


def _worker(contest: Contest) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "grader",
        "contest",
        "worker",
        str(contest.store.folder),
        "--device",
        "cpu",
    ]
    with (contest.store.folder / "worker.log").open("a") as log:
        return subprocess.Popen([*command, "--repeats", "1", "--jobs", "2"], stdout=log, stderr=log)


def _may_be_killed(contest: Contest, over: threading.Event, verdicts: int) -> bool:
    with contest.store.reading() as transaction:
        (graded,) = transaction.connection.execute(
            "SELECT COUNT(*) FROM verdicts WHERE seconds > 0"
        ).fetchone()
        runs = transaction.connection.execute("SELECT 1 FROM leases").fetchone() is not None
    return over.is_set() or (runs and graded >= verdicts)


def _wait_for(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + LIMIT_SECONDS
    while not is_so() and time.monotonic() < until:
        time.sleep(0.1)
    return is_so()


def _all_ended(contest: Contest) -> bool:
    with contest.store.reading() as transaction:
        states = transaction.connection.execute("SELECT DISTINCT state FROM submissions").fetchall()
    return {row["state"] for row in states} <= set(ENDED)


def soak(folder: Path, task: Task, files: list[Path], scale: Scale) -> None:
    """Play a contest of clients and workers that are killed, and compare it with what the clients remember."""
    contest = start_contest(folder, always_open(task))
    with contest.store.writing() as transaction:
        number_of_people = scale.clients * scale.people
        people = enrol(
            transaction, [NewParticipant(f"Student {number}") for number in range(number_of_people)]
        )
    clients = [
        Client(contest, people[number :: scale.clients], files, random.Random(number))
        for number in range(scale.clients)
    ]
    threads = [threading.Thread(target=client.play, args=(scale.uploads, scale.kills)) for client in clients]
    with killed_workers(contest, scale.worker_kills, random.Random(0)):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        complete = all(len(client.receipts) == scale.uploads for client in clients)
        is_empty = complete and _wait_for(lambda: _all_ended(contest))
    assert complete, "a client broke off"
    assert is_empty, "something is stuck"
    assert any(client.problems for client in clients), "no disk was full"
    for client in clients:
        check_client(contest, client)
    check_events(contest)


def always_open(task: Task) -> str:
    rules = RULES.replace('"toy_task"', f'"{task.folder}"')
    return rules.replace("2026-11-30T09", "2020-01-01T09").replace("2026-11-30T14", "2120-01-01T14")


def check_client(contest: Contest, client: Client) -> None:
    """Compare what a client has receipts for with what the contest has, file by file."""
    with contest.store.reading() as transaction:
        rows = transaction.connection.execute("SELECT * FROM submissions").fetchall()
    people = {person.id for person in client.people}
    rows = [row for row in rows if row["person"] in people]
    assert sorted(row["key"] for row in rows) == sorted(client.sent), "each upload is there, and once"
    for row in rows:
        receipt = client.receipts[row["key"]]
        content = client.sent[row["key"]].read_bytes()
        assert is_genuine(receipt, contest.signer.public_key)
        assert row["person"] == client.senders[row["key"]].id
        assert (row["number"], row["sha256"]) == (receipt.number, receipt.sha256)
        assert hashlib.sha256(content).hexdigest() == receipt.sha256
        assert (contest.store.files / row["file"]).read_bytes() == content


def check_events(contest: Contest) -> None:
    """Check that the chain is whole, and everything that was not replaced has one verdict, the same for the same file."""
    with contest.store.reading() as transaction:
        events = list(all_events(transaction.connection))
        rows = transaction.connection.execute("SELECT * FROM submissions").fetchall()
        board = board_view(transaction, contest.spec)
    assert broken_link(events) is None
    verdicts = Counter(event.submission for event in events if event.kind is EventKind.VERDICT)
    assert verdicts == {row["number"]: 1 for row in rows if row["state"] == AttemptState.DONE}
    assert Counter(event.submission for event in events if event.kind is EventKind.RECEIVED) == {
        row["number"]: 1 for row in rows
    }
    digests = {row["number"]: row["sha256"] for row in rows}
    outcomes = {
        (digests[event.submission], event.data["verdict"], event.data["points"])
        for event in events
        if event.kind is EventKind.VERDICT and event.submission is not None
    }
    assert len(outcomes) == len({digest for digest, _, _ in outcomes})
    assert board.rows[0].total > 0
    assert not [event for event in events if event.kind is EventKind.HELD]


@pytest.fixture
def files(tmp_path: Path, toy_solution: str, submit: Submit) -> list[Path]:
    """What students hand in: four programs, one that fails, and what is no notebook."""
    programs = [f"{toy_solution}\n\nTHIS = {number}\n" for number in range(3)]
    good = [submit(program, f"program-{number}.ipynb") for number, program in enumerate(programs)]
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(b'{"cells": [' + os.urandom(9).hex().encode())
    return [*good, submit("def broken(:\n    pass", "syntax.ipynb"), broken]


@pytest.mark.slow
@pytest.mark.xdist_group("alone")
def test_nothing_is_lost_doubled_or_stuck_where_processes_are_killed(
    tmp_path: Path, toy_task: Task, files: list[Path]
) -> None:
    soak(
        tmp_path / "contest", toy_task, files, Scale(clients=2, people=4, uploads=12, kills=2, worker_kills=1)
    )


@pytest.mark.nightly
@pytest.mark.timeout(5400)
def test_nothing_is_lost_doubled_or_stuck_in_an_hour(
    tmp_path: Path, toy_task: Task, files: list[Path]
) -> None:
    scale = Scale(clients=20, people=40, uploads=400, kills=50, worker_kills=30)
    soak(tmp_path / "contest", toy_task, files, scale)
