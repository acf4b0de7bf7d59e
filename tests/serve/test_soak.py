"""Site and worker are killed at any moment: nothing that has a receipt is lost, counted twice, or stuck."""

from __future__ import annotations

import hashlib
import html
import json
import os
import random
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

import pytest
from machines import Machine
from onlooker import Onlooker
from senders import HandInFile, Sender, Student
from soak_figures import figures_of
from troubles import Scale, Troubles, answered, release_held, wait_for_all

from grader.contest.archive import close_contest
from grader.contest.attempts import AttemptState
from grader.contest.events import EventKind, all_events, broken_link
from grader.contest.folder import open_contest, start_contest
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.people import NewParticipant, enrol, new_code, new_token
from grader.contest.queue import MOST_FAILURES
from grader.contest.receipts import is_genuine
from grader.contest.verify import verify_archive
from grader.contest.views import board_view
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import EXPLANATIONS, Verdict
from grader.notebooks.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from senders import Upload
    from troubles import Backup

    from grader.contest.events import Event
    from grader.contest.folder import Contest
    from grader.grading.engine import LocalEngine
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

ALWAYS = "{ opens = 2020-01-01T00:00:00Z, closes = 2120-01-01T00:00:00Z }"
SIGNED_IN = 6  # students who look at their pages in the end
DAYS, OPEN_SHARE = 5, 0.8
BEFORE = timedelta(seconds=60)  # of the contest, in which nothing is taken
HOUR = 36.0  # minutes of it that the five days take; the rest is for the rush, for what waits then, and for backups
MINUTES = float(os.environ.get("SOAK_MINUTES", HOUR))
STUDENTS = int(
    os.environ.get("SOAK_STUDENTS", min(2000, round(200 * MINUTES)))
)  # who all hand in within the last minute


def contest_of(folder: Path, task: Task, windows: str = ALWAYS) -> Contest:
    """Start a contest of a task, with these windows and without a cool-down."""
    rules = f'title = "Soak"\ntasks = [{{ name = "{task.folder}" }}]\nwindows = [{windows}]\ncooldown = {{ minutes = 0 }}\n'
    return start_contest(folder, rules)


def enrolled(contest: Contest, number: int) -> list[Student]:
    """Enrol students with tokens; a code, which takes long to draw, is for those who look at their pages."""
    with contest.store.writing() as transaction:
        people = enrol(transaction, [NewParticipant(f"Student {index}") for index in range(number)])
        codes = [new_code(transaction, person.id) for person in people[:SIGNED_IN]]
        codes += [""] * (number - len(codes))
        return [
            Student(person.id, new_token(transaction, person.id), code)
            for person, code in zip(people, codes, strict=True)
        ]


def drawing(starter: Json, solution: str, weights: Sequence[int]) -> Callable[[random.Random], HandInFile]:
    """Return what draws a file: a program that nobody has handed in, one that many have, and two that cannot start."""

    def program(slot: str) -> bytes:
        return json.dumps(rebuild(starter, slot)).encode()

    same = HandInFile(program(solution), Verdict.SCORED)
    broken = HandInFile(b'{"cells": [' + b"x" * 5000, Verdict.INVALID_NOTEBOOK)
    no_python = HandInFile(program("def broken(:\n    pass"), Verdict.SLOT_ERROR)

    def draw(chance: random.Random) -> HandInFile:
        another = HandInFile(program(f"{solution}\n\nTHIS = {chance.random()}\n"), Verdict.SCORED)
        return chance.choices((another, same, broken, no_python), weights)[0]

    return draw


@dataclass(frozen=True)
class Cast:
    """Who hands in: `senders` while the machine is in trouble, and `rush` afterwards, all at once."""

    senders: Sequence[Sender]
    rush: Sequence[Sender] = ()

    @property
    def everybody(self) -> list[Sender]:
        """All of them."""
        return [*self.senders, *self.rush]


def soak(machine: Machine, contest: Contest, cast: Cast, scales: Sequence[Scale]) -> list[Backup]:
    """Let students hand in while a machine is in trouble, and then in a rush; return the backups made meanwhile.

    What `scales` tell happens side by side. The figures are printed.
    """
    troubles = [
        Troubles(machine, contest, cast.senders, scale, random.Random(number))
        for number, scale in enumerate(scales)
    ]
    looker = next(student for sender in cast.senders for student in sender.students if student.code)
    with machine:
        with Onlooker(machine.port, contest, looker.code) as onlooker:
            play(cast.senders, troubles)
            begun = time.monotonic()
            play(cast.rush, [])
            rushed = time.monotonic() - begun
            ended = wait_for_all(contest)
        uploads = answered(cast.everybody)
        figures = figures_of(contest, uploads) | {
            "kills": machine.kills,
            "ended by themselves": machine.ends,
            "stuck": sum(len(sender.stuck) for sender in cast.everybody),
            "rush": {"uploads": len(answered(cast.rush)), "seconds": rushed},
            "leaderboard": {"pages": len(onlooker.ages), "oldest": max(onlooker.ages, default=None)},
        }
        print(json.dumps(figures, indent=1))  # noqa: T201 -- what the night is for
        assert ended, f"something is stuck\n{machine.log[-3000:]}"
        check_pages(machine, [upload for upload in uploads if upload.receipt and upload.student.code])
    assert figures["stuck"] == 0, "an upload got no answer"
    problems = {problem for sender in cast.senders for problem in sender.problems}
    assert problems, "no disk was full"
    assert all(problem.startswith("503 ") for problem in problems), problems
    check_uploads(contest, uploads)
    return [backup for trouble in troubles for backup in trouble.backups]


def play(senders: Sequence[Sender], troubles: Sequence[Troubles]) -> None:
    """Let senders hand in until the troubles are over; without any, each student once."""

    def over() -> bool:
        return all(trouble.over.is_set() for trouble in troubles)

    plays: list[Callable[[], None]] = [partial(sender.play, over) for sender in senders]
    plays += [trouble.play for trouble in troubles]
    with ThreadPoolExecutor(len(plays) or 1) as pool:
        for played in [pool.submit(play) for play in plays]:
            played.result()


def check_uploads(contest: Contest, uploads: Sequence[Upload]) -> None:
    """Compare what students have receipts for with what the contest has, file by file, and verdict by verdict."""
    with contest.store.reading() as transaction:
        rows = transaction.connection.execute("SELECT * FROM submissions").fetchall()
        events = list(all_events(transaction.connection))
        board = board_view(transaction, contest.spec)
    by_key = {upload.key: upload for upload in uploads}
    taken = [upload for upload in uploads if upload.receipt]
    assert sorted(row["key"] for row in rows) == sorted(upload.key for upload in taken), (
        "each is there, and once"
    )
    for row in rows:
        upload = by_key[row["key"]]
        assert upload.receipt is not None
        assert is_genuine(upload.receipt, contest.signer.public_key)
        assert row["person"] == upload.student.id == upload.receipt.person
        assert (row["number"], row["sha256"]) == (upload.receipt.number, upload.receipt.sha256)
        assert (contest.store.files / row["file"]).read_bytes() == upload.file.content
    check_events(events, {row["number"]: (row["state"], by_key[row["key"]]) for row in rows})
    assert board.rows[0].total > 0
    assert any(event.kind is EventKind.CLOCK_MOVED for event in events)


def check_events(events: Sequence[Event], sent: dict[int, tuple[str, Upload]]) -> None:
    """Check that the chain is whole and what ended as done has one verdict, the one that its file deserves."""
    assert broken_link(events) is None
    received = Counter(event.submission for event in events if event.kind is EventKind.RECEIVED)
    assert received == dict.fromkeys(sent, 1)
    verdicts = [event for event in events if event.kind is EventKind.VERDICT]
    done = {number for number, (state, _) in sent.items() if state == AttemptState.DONE}
    assert Counter(event.submission for event in verdicts) == dict.fromkeys(done, 1)
    for event in verdicts:
        assert event.submission is not None
        assert event.data["verdict"] == sent[event.submission][1].file.verdict
    expired = Counter(event.submission for event in events if event.kind is EventKind.EXPIRED)
    held = [event.submission for event in events if event.kind is EventKind.HELD]
    assert all(expired[number] >= MOST_FAILURES for number in held), "only what ended worker after worker"
    points = {event.data["points"] for event in verdicts if event.data["verdict"] == Verdict.SCORED}
    assert len(points) == 1, "programs that do the same have the same points"


def check_pages(machine: Machine, uploads: Sequence[Upload]) -> None:
    """Check that each student's last attempt reads on its page as its file deserves, with the receipt that they got."""
    address = f"http://127.0.0.1:{machine.port}"
    for upload in {upload.student: upload for upload in uploads}.values():
        assert upload.receipt is not None
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        browser.open(f"{address}/sign-in", urllib.parse.urlencode({"code": upload.student.code}).encode())
        attempt = f"{address}/attempt/{upload.receipt.number}"
        page = html.unescape(browser.open(attempt).read().decode())
        assert EXPLANATIONS[Verdict(upload.file.verdict)].sentence in page
        assert json.load(browser.open(f"{attempt}/receipt")) == asdict(upload.receipt)
        assert browser.open(f"{attempt}/file").read() == upload.file.content


def check_backup(backup: Backup, task: Task, engine: LocalEngine) -> None:
    """Check that a copy has all that had a receipt when it was begun, and goes on: graded, closed and verified."""
    contest = open_contest(backup.folder)
    with contest.store.reading() as transaction:
        rows = transaction.connection.execute("SELECT * FROM submissions").fetchall()
    digests = {row["number"]: row["sha256"] for row in rows}
    for upload in backup.uploads:
        assert upload.receipt is not None
        assert digests[upload.receipt.number] == upload.receipt.sha256
    for row in rows:
        content = (contest.store.files / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    tasks = prepare_grading(contest, GradingChoices(device="cpu", repeats=1))
    worker = ContestWorker(contest.store, tasks, engine, WorkerSettings(2, lambda _: None))
    worker.run(threading.Event(), until_idle=True)
    release_held(contest)  # also what ran for the third time when the copy was made
    worker.run(threading.Event(), until_idle=True)
    check_archive(contest, task)


def check_archive(contest: Contest, task: Task) -> None:
    """Close a contest and verify its archive."""
    path = contest.store.folder.with_suffix(".zip")
    close_contest(contest, {task.id: task}, path, early=True)
    findings = verify_archive(path)
    assert [finding for finding in findings if not finding.ok] == []


@pytest.mark.slow
@pytest.mark.xdist_group("alone")
def test_nothing_is_lost_doubled_or_stuck_where_site_and_worker_are_killed(
    tmp_path: Path, toy_task: Task, starter: Json, toy_solution: str, engine: LocalEngine
) -> None:
    contest = contest_of(tmp_path / "contest", toy_task)
    machine = Machine(contest.store.folder)
    draw = drawing(starter, toy_solution, (2, 2, 2, 1))
    students = enrolled(contest, 6)
    senders = [Sender(machine.port, students[n::2], draw, random.Random(n), 0.1) for n in range(2)]
    troubles = ("disk", "site", "clock", "backup", "both")
    (backup,) = soak(machine, contest, Cast(senders), [Scale(troubles, 0.3, jump=86_400)])
    check_backup(backup, toy_task, engine)
    check_archive(contest, toy_task)


def compressed(start: datetime, day: timedelta) -> str:
    """Return the windows of five days, each as short as `day`; the last one stays open for the rush."""
    windows = []
    for number in range(DAYS):
        opens = start + number * day
        closes = opens + (day * OPEN_SHARE if number < DAYS - 1 else timedelta(days=1))
        windows.append(f"{{ opens = {opens.isoformat()}, closes = {closes.isoformat()} }}")
    return ", ".join(windows)


def check_timetable(uploads: Sequence[Upload], windows: Sequence[tuple[datetime, datetime]]) -> None:
    """Check that what was taken arrived within a window, by the clock of the site, and what was refused came beside them."""
    assert {upload.refusal for upload in uploads} >= {"", "not_open"}
    for upload in uploads:
        if upload.receipt:
            received = datetime.fromisoformat(upload.receipt.received)
            assert any(opens <= received < closes for opens, closes in windows)


@pytest.mark.nightly
@pytest.mark.timeout(5400)
def test_nothing_is_lost_doubled_or_stuck_in_a_contest_of_two_thousand(
    tmp_path: Path, toy_task: Task, starter: Json, toy_solution: str, engine: LocalEngine
) -> None:
    day = timedelta(minutes=MINUTES / DAYS)
    contest = contest_of(tmp_path / "contest", toy_task, compressed(datetime.now(UTC) + BEFORE, day))
    machine = Machine(contest.store.folder)
    draw = drawing(starter, toy_solution, (1, 30, 6, 3))
    students = enrolled(contest, STUDENTS)
    senders = [Sender(machine.port, students[n::20], draw, random.Random(n), 5.0) for n in range(20)]
    rush = [Sender(machine.port, students[n::40], draw, random.Random(n), 0.0, "rush") for n in range(40)]
    scales = [
        scale_of({"site": 850, "disk": 20, "clock": 20, "backup": 4}, day),
        scale_of({"worker": 100, "both": 50}, day),
    ]
    backups = soak(machine, contest, Cast(senders, rush), scales)
    windows = [
        (contest.spec.instant(w.opens, ""), contest.spec.instant(w.closes, "")) for w in contest.spec.windows
    ]
    check_timetable(answered(senders), windows)
    for backup in backups:
        check_backup(backup, toy_task, engine)
    check_archive(contest, toy_task)


def scale_of(numbers: Mapping[str, int], day: timedelta) -> Scale:
    """Return so many of each trouble for the hour, or a share of them for less: first each once, then the others shuffled.

    Some of the time is left for what they wait for.
    """
    more = [trouble for trouble, number in numbers.items() for _ in range(round(number * MINUTES / HOUR) - 1)]
    random.Random(1).shuffle(more)
    troubles, seconds = [*numbers, *more], DAYS * day.total_seconds()
    return Scale(troubles, 0.8 * seconds / len(troubles), jump=day.total_seconds(), seconds=seconds)
