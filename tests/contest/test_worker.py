from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from contests import RULES, SmallContest, result, small_contest

from grader.contest import queue
from grader.contest.events import EventKind, all_events, broken_link
from grader.contest.feedback_page import FeedbackPages
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.privacy import erase_person
from grader.contest.spec import parse_spec
from grader.contest.views import board_view, task_view
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import GraderFault, UsageError
from grader.gradebook.gradebook import reading

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from grader.contest.people import Participant
    from grader.contest.views import AttemptView
    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.grading.parsed import ParsedSubmission
    from grader.task.spec import Task


def toy_contest(folder: Path, task: Task) -> SmallContest:
    return small_contest(folder, RULES.replace('"toy_task"', f'"{task.folder}"'))


def attempts(small: SmallContest, person: Participant) -> list[AttemptView]:
    with small.store.reading() as transaction:
        return task_view(transaction, small.contest.spec, person, "toy_task").attempts


def worker_of(small: SmallContest, engine: LocalEngine, lines: list[str] | None = None) -> ContestWorker:
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=2))
    said = [] if lines is None else lines
    return ContestWorker(small.store, tasks, engine, WorkerSettings(2, said.append))


@pytest.mark.slow
def test_a_worker_answers_what_cannot_start_grades_the_rest_and_runs_nothing_twice(
    tmp_path: Path, toy_task: Task, engine: LocalEngine
) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    solution = toy_task.solution.read_bytes()
    small.hand_in(small.ada, solution)
    small.hand_in(small.bob, b"no notebook")
    worker = worker_of(small, engine)
    worker.run(threading.Event(), until_idle=True)
    (ada,), (bob,) = attempts(small, small.ada), attempts(small, small.bob)
    assert (ada.verdict, bob.verdict) == ("scored", "invalid_notebook")
    assert ada.points
    assert ada.points > (bob.points or 0)
    page = small.store.feedback(ada.number)
    assert "balanced accuracy" in page.read_text(encoding="utf-8")
    assert "Wie die Punkte berechnet wurden" in small.store.feedback(ada.number, "de").read_text(
        encoding="utf-8"
    )
    assert not small.store.feedback(bob.number).exists()
    # A worker that was killed after the gradebook had the result leaves the submission to the next one.
    with small.store.writing() as transaction:
        queue.requeue(transaction, ada.number, "to see whether it is run again")
    lines: list[str] = []
    again = worker_of(small, engine, lines)
    again.run(threading.Event(), until_idle=True)
    assert attempts(small, small.ada)[0].points == ada.points
    assert lines == [f"submission {ada.number} of toy_task: scored"]
    assert len(list((small.store.folder / "grading" / "toy_task" / "runs").glob("*/run-*"))) == 1
    with small.store.reading() as transaction:
        events = list(all_events(transaction.connection))
        assert broken_link(events) is None
        assert [event.submission for event in events if event.kind is EventKind.VERDICT] == [2, 1, 1]
        assert board_view(transaction, small.contest.spec).rows[0].team == small.ada.team
    # Where the leaderboard is coarse, feedback keeps exact scores back.
    spec = parse_spec(RULES + "\n[leaderboard]\nround_to = 10\n", "contest.toml")
    graded = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=2))["toy_task"]
    with small.store.reading() as transaction:
        row = transaction.connection.execute("SELECT file FROM submissions WHERE number = 1").fetchone()
    path = small.store.files / row["file"]
    lease = queue.Lease("", ada.number, small.ada.team, "toy_task", row["file"], "")
    with reading(graded.out) as book:
        recorded = next(known for known in book.history() if known.result.submission == str(path))
    FeedbackPages(small.store).write(spec, lease, result=recorded.result, graded=graded)
    coarse = page.read_text(encoding="utf-8")
    assert recorded.result.metrics is not None
    assert f"{recorded.result.metrics.value:.3f}" not in coarse
    assert f"<strong>{ada.points // 10 * 10}</strong>" in coarse


class FailingEngine:
    """An engine that ends each batch with an exception."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def grade(self, *_: object) -> Generator[tuple[int, Result]]:
        raise self.error
        yield  # makes this a generator

    def close(self) -> None:
        """Nothing is kept."""


class ErasingEngine:
    """An engine during whose work Ada is erased: her run folder is written afterwards."""

    def __init__(self, small: SmallContest) -> None:
        self.small = small

    def grade(
        self, _context: object, submissions: Sequence[ParsedSubmission], runs: Path, _watcher: object
    ) -> Generator[tuple[int, Result]]:
        programs = [Path(parsed.submission.path).read_bytes() for parsed in submissions]
        erase_person(self.small.store, self.small.ada.id)
        for number, (parsed, program) in enumerate(zip(submissions, programs, strict=True)):
            student = parsed.submission.student
            (runs / student / "run-1").mkdir(parents=True)
            (runs / student / "run-1" / "submission.ipynb").write_bytes(program)
            yield number, replace(result(), submission=parsed.submission.path, student=student)

    def close(self) -> None:
        """Nothing is kept."""


def test_whoever_is_erased_while_graded_leaves_no_run_behind(tmp_path: Path, toy_task: Task) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    for person, file in ((small.ada, toy_task.solution), (small.bob, toy_task.starter)):
        small.hand_in(person, file.read_bytes())
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    worker = ContestWorker(small.store, tasks, ErasingEngine(small), WorkerSettings(2, lambda _: None))
    assert worker.step()
    runs = small.store.folder / "grading" / "toy_task" / "runs"
    assert [path.parent.name for path in runs.glob("*/run-1")] == [small.bob.team]


class BusyEngine:
    """An engine that grades a program without an end, until what cannot start has its answer."""

    def __init__(self, small: SmallContest) -> None:
        self.small = small
        self.answered: list[str | None] = []

    def grade(
        self, _context: object, submissions: Sequence[ParsedSubmission], _runs: Path, _watcher: object
    ) -> Generator[tuple[int, Result]]:
        self.small.hand_in(self.small.bob, b"no notebook")
        deadline = time.monotonic() + 60
        while (
            verdict := attempts(self.small, self.small.bob)[0].verdict
        ) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.answered.append(verdict)
        (parsed,) = submissions
        yield 0, replace(result(), submission=parsed.submission.path, student=parsed.submission.student)

    def close(self) -> None:
        """Nothing is kept."""


def test_what_cannot_start_is_answered_while_somebody_elses_program_loops(
    tmp_path: Path, toy_task: Task
) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    small.hand_in(small.ada, toy_task.solution.read_bytes())
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    engine = BusyEngine(small)
    ContestWorker(small.store, tasks, engine, WorkerSettings(1, lambda _: None)).run(
        threading.Event(), until_idle=True
    )
    assert engine.answered == ["invalid_notebook"]


def failing_worker(small: SmallContest, error: BaseException, stop: threading.Event) -> ContestWorker:
    """Return a worker of an engine that fails; it stops with the first line."""
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    return ContestWorker(small.store, tasks, FailingEngine(error), WorkerSettings(1, lambda _: stop.set()))


def states(small: SmallContest) -> list[tuple[str, int]]:
    with small.store.reading() as transaction:
        rows = transaction.connection.execute(
            "SELECT state, failures FROM submissions ORDER BY number"
        ).fetchall()
    return [(row["state"], row["failures"]) for row in rows]


def test_ctrl_c_gives_back_what_is_running(tmp_path: Path, toy_task: Task) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    small.hand_in(small.ada, toy_task.solution.read_bytes())
    stop = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        failing_worker(small, KeyboardInterrupt(), stop).run(stop)
    assert states(small) == [("queued", 0)]


def test_ctrl_c_while_a_machine_that_failed_is_waited_for_gives_back_what_was_running(
    tmp_path: Path, toy_task: Task
) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    small.hand_in(small.ada, toy_task.solution.read_bytes())

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    engine = FailingEngine(GraderFault("the disk is full"))
    with pytest.raises(KeyboardInterrupt):
        ContestWorker(small.store, tasks, engine, WorkerSettings(1, interrupt)).run(threading.Event())
    assert states(small) == [("queued", 0)]


@pytest.mark.parametrize("error", [UsageError("the disk is full"), GraderFault("the disk is full")], ids=repr)
def test_a_machine_that_fails_costs_nobody_anything(tmp_path: Path, toy_task: Task, error: Exception) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    small.hand_in(small.ada, toy_task.solution.read_bytes())
    stop = threading.Event()
    failing_worker(small, error, stop).run(stop)
    assert states(small) == [("queued", 0)]


def test_a_task_that_left_the_rules_waits_and_stops_nobody(tmp_path: Path, toy_task: Task) -> None:
    small = toy_contest(tmp_path / "contest", toy_task)
    small.hand_in(small.ada, b"no notebook")
    small.hand_in(small.bob, b"no notebook")
    with small.store.writing() as transaction:
        transaction.connection.execute("UPDATE submissions SET task = 'gone' WHERE number = 1")
    stop = threading.Event()
    failing_worker(small, KeyboardInterrupt(), stop).run(stop, until_idle=True)
    assert states(small) == [("received", 0), ("done", 0)]
