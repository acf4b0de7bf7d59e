"""Submissions that are run once more as evidence: by a worker for whom an organiser asked, and by a command."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from contests import RULES, SmallContest, result, small_contest

from grader.contest import queue
from grader.contest.desk import ask, questions
from grader.contest.events import EventKind, all_events, broken_link
from grader.contest.grading import GradingChoices, prepare_grading
from grader.contest.privacy import erase_person
from grader.contest.replays import (
    ReplayEvidence,
    ReplayRecord,
    ask_replay,
    asked_replays,
    record_replay,
    replays_of_submission,
)
from grader.contest.spec import BoardRules
from grader.contest.worker import ContestWorker, WorkerSettings
from grader.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

SAME = ReplayEvidence(2, (), ("ab", "ab"), (57, 57))


def records(small: SmallContest, number: int = 1) -> list[ReplayRecord]:
    with small.store.reading() as transaction:
        return replays_of_submission(transaction, number)


@pytest.mark.slow
def test_an_appeal_is_answered_by_running_the_submission_once_more(
    tmp_path: Path, toy_task: Task, engine: LocalEngine, run: Run
) -> None:
    rules = RULES.replace('"toy_task"', f'"{toy_task.folder}"') + "\n[leaderboard]\nround_to = 10\n"
    small = small_contest(tmp_path / "contest", rules)
    small.hand_in(small.ada, toy_task.solution.read_bytes())
    small.hand_in(small.bob, b"no notebook")
    tasks = prepare_grading(small.contest, GradingChoices(device="cpu", repeats=1))
    lines: list[str] = []
    worker = ContestWorker(small.store, tasks, engine, WorkerSettings(1, lines.append))
    worker.run(threading.Event(), until_idle=True)
    with small.store.writing() as transaction:
        ask(transaction, small.ada.id, "I should have more", task="toy_task", appeal=1)
        for number in (1, 2):
            ask_replay(transaction, number, author=small.bob.id, reason="an appeal")
    worker.run(threading.Event(), until_idle=True)
    assert lines[-2:] == ["submission 1 of toy_task: replayed, the same", "submission 2 of toy_task: replayed, not the same"]  # fmt: skip
    (record,) = records(small)
    assert record.author == small.bob.id
    assert record.evidence.is_same
    assert (record.evidence.compared, record.evidence.different) == (1, ())
    first, second = record.evidence.predictions
    assert first == second
    assert len(first) == 64
    points = record.evidence.points[0]
    assert points
    (unrun,) = records(small, 2)
    assert "answered without being run" in unrun.evidence.problem
    with small.store.reading() as transaction:
        (appeal,) = questions(transaction)
        events = list(all_events(transaction.connection))
        assert asked_replays(transaction) == []
    assert appeal.answer
    assert (
        f"are the same bit for bit (SHA-256 {first}), and so are the points: {points // 10 * 10} of 100."
        in appeal.answer
    )
    assert broken_link(events) is None
    assert "without being run" not in json.dumps([event.data for event in events])  # it may be erased
    # A record that somebody changed is noticed by the command, and the run folders go with the person.
    grading = small.store.folder / "grading" / "toy_task"
    (kept,) = grading.glob("runs/*/run-*/repeat-0/predictions.npz")
    with np.load(kept) as arrays:
        changed = {name: array[::-1].copy() for name, array in arrays.items()}
    np.savez(kept, **changed)
    code, text, _ = run("contest", "replay", small.store.folder, "1", "--device", "cpu", "--json")
    evidence = json.loads(text)
    assert (code, evidence["same"]) == (1, False)
    assert evidence["different"][0].startswith("repeat 0: ")
    assert evidence["predictions"][1] == first != evidence["predictions"][0]
    kept.write_bytes(b"damaged")  # the worker does not run it again and again for that
    with small.store.writing() as transaction:
        ask_replay(transaction, 1, author=small.bob.id, reason="an appeal")
    worker.run(threading.Event(), until_idle=True)
    assert "the predictions cannot be compared: " in records(small)[-1].evidence.problem
    assert len(list(grading.glob("replays/*/run-*"))) == 3
    erase_person(small.store, small.ada.id)
    assert list(grading.glob("replays/*/run-*")) == []


def test_only_what_has_a_verdict_can_be_run_once_more_and_once_at_a_time(tmp_path: Path, run: Run) -> None:
    small = small_contest(tmp_path / "contest")
    small.hand_in(small.ada)
    with small.store.writing() as transaction:
        for number in (1, 9):
            with pytest.raises(UsageError, match="has no verdict that could be replayed"):
                ask_replay(transaction, number, author="", reason="an appeal")
        queue.admit(transaction, 1)
        (lease,) = queue.take(transaction, "worker", tasks=["toy_task"], most=1)
        queue.record_result(transaction, lease, result())
        assert not queue.has_work(transaction)
        ask_replay(transaction, 1, author="", reason="an appeal")
        assert queue.has_work(transaction)
        assert asked_replays(transaction) == [(1, "toy_task")]
        with pytest.raises(UsageError, match="waits for its replay already"):
            ask_replay(transaction, 1, author="", reason="an appeal")
    code, _, errors = run("contest", "replay", small.store.folder, "9")
    assert (code, "has no verdict" in errors) == (2, True)


def test_what_ended_without_predictions_is_not_called_the_same_bit_for_bit(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    small.hand_in(small.ada)
    with small.store.writing() as transaction:
        ask(transaction, small.ada.id, "Why?", task="toy_task", appeal=1)
        record_replay(transaction, 1, ReplayEvidence(points=(0, 0)), board=BoardRules())
        (appeal,) = questions(transaction)
    assert appeal.answer == (
        "Your submission was run once more with the same seeds. It ended in the same way, without predictions, and the "
        "points are the same: 0 of 100."
    )


def test_what_differs_is_said_and_an_answer_that_was_given_stays(tmp_path: Path) -> None:
    small = small_contest(tmp_path / "contest")
    small.hand_in(small.ada)
    with small.store.writing() as transaction:
        ask(transaction, small.ada.id, "Why?", task="toy_task", appeal=1)
        record_replay(transaction, 1, ReplayEvidence(problem="the notebook was not kept"), board=BoardRules())
        (appeal,) = questions(transaction)
        assert appeal.answer is None
        other = ReplayEvidence(2, ("repeat 0: labels",), ("ab", "cd"), (57, 60))
        record_replay(transaction, 1, other, board=BoardRules())
        (appeal,) = questions(transaction)
        assert "something differs from the record: repeat 0: labels." in (appeal.answer or "")
        record_replay(transaction, 1, SAME, board=BoardRules())
        assert questions(transaction) == [appeal]
        kinds = [event.kind for event in all_events(transaction.connection)]
    assert kinds.count(EventKind.REPLAYED) == 3
    assert [record.evidence.is_same for record in records(small)] == [False, False, True]
