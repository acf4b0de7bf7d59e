from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from contests import RULES, SmallContest, small_contest

from grader.contest import queue
from grader.contest.events import EventKind, all_events, broken_link
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.views import board_view, task_view
from grader.contest.worker import ContestWorker, WorkerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.people import Participant
    from grader.contest.views import AttemptView
    from grader.grading.engine import LocalEngine
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
