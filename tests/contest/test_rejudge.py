"""What is judged again changes nothing until it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contests import SmallContest, result, small_contest

from grader.contest import queue
from grader.contest.events import all_events, broken_link
from grader.contest.privacy import erase_person
from grader.contest.rejudge import apply_rejudge, discard_rejudge, proposals, start_rejudge
from grader.contest.views import board_view
from grader.errors import UsageError, Verdict
from grader.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

TASK = "toy_task"


@pytest.fixture
def small(tmp_path: Path) -> SmallContest:
    """Ada has 50 points, Bob 40."""
    small = small_contest(tmp_path / "contest")
    for person, points in ((small.ada, 50), (small.bob, 40)):
        small.hand_in(person)
        grade(small, points)
    return small


def grade(small: SmallContest, *points: int) -> None:
    with small.store.writing() as transaction:
        for lease in queue.received(transaction):
            queue.admit(transaction, lease.number)
        for value in points:
            (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
            verdict = Verdict.SCORED if value else Verdict.TIME_LIMIT
            queue.record_result(transaction, lease, result(verdict, value))


def totals(small: SmallContest) -> dict[str, float]:
    with small.store.reading() as transaction:
        return {row.team: row.total for row in board_view(transaction, small.contest.spec).rows}


def started(small: SmallContest) -> None:
    with small.store.writing() as transaction:
        assert start_rejudge(transaction, TASK, "the scorer was wrong") == 2


def test_the_verdicts_of_before_count_until_the_new_ones_are_applied(small: SmallContest) -> None:
    before = totals(small)
    started(small)
    assert totals(small) == before
    with small.store.writing() as transaction, pytest.raises(UsageError, match="not graded yet"):
        apply_rejudge(transaction, small.store)
    grade(small, 50, 90)
    assert totals(small) == before
    write_atomic(small.store.feedback(2), b"40 points")
    write_atomic(small.store.proposed_feedback(2), b"90 points")
    write_atomic(small.store.proposed_feedback(2, "de"), b"90 Punkte")
    with small.store.reading() as transaction:
        shown = [
            (known.number, known.points, known.new_points, known.changes) for known in proposals(transaction)
        ]
    assert shown == [(1, 50, 50, False), (2, 40, 90, True)]
    with small.store.writing() as transaction:
        assert apply_rejudge(transaction, small.store) == 1
    assert totals(small) == before | {small.bob.team: 90}
    assert small.store.feedback(2).read_bytes() == b"90 points"
    assert small.store.feedback(2, "de").read_bytes() == b"90 Punkte"
    with small.store.reading() as transaction:
        assert proposals(transaction) == []
        assert broken_link(all_events(transaction.connection)) is None


@pytest.mark.parametrize("points", [(), (0,), (0, 0)], ids=["nothing graded", "one", "all"])
def test_a_rejudge_that_is_discarded_leaves_everything_as_it_was(
    small: SmallContest, points: tuple[int, ...]
) -> None:
    before = totals(small)
    started(small)
    grade(small, *points)
    write_atomic(small.store.proposed_feedback(2, "de"), b"0 Punkte")
    with small.store.writing() as transaction:
        assert discard_rejudge(transaction, small.store) == 2
        assert not queue.take(transaction, "worker", tasks=[TASK], most=9)
    assert not small.store.proposed_feedback(2, "de").exists()
    assert totals(small) == before


@pytest.mark.parametrize("graded", [0, 2], ids=["waits", "has a new verdict"])
def test_what_is_cancelled_meanwhile_is_judged_no_more_and_counts_for_nothing(
    small: SmallContest, graded: int
) -> None:
    started(small)
    grade(small, *[90] * graded)
    with small.store.writing() as transaction:
        queue.cancel(transaction, 2, "a copy")
    grade(small, *[90] * (1 - graded // 2))
    with small.store.writing() as transaction:
        apply_rejudge(transaction, small.store)
    assert totals(small) == {small.ada.team: 90, small.bob.team: 0}


def test_a_new_verdict_of_somebody_who_is_erased_is_gone(small: SmallContest) -> None:
    started(small)
    grade(small, 90, 90)
    erase_person(small.store, small.bob.id)
    with small.store.reading() as transaction:
        assert [known.number for known in proposals(transaction)] == [1]


def test_one_rejudge_at_a_time_of_what_has_verdicts(small: SmallContest) -> None:
    with small.store.writing() as transaction, pytest.raises(UsageError, match="nothing of other"):
        start_rejudge(transaction, "other", "a reason")
    started(small)
    with small.store.writing() as transaction, pytest.raises(UsageError, match="already"):
        start_rejudge(transaction, TASK, "a reason")
    with small.store.writing() as transaction:
        discard_rejudge(transaction, small.store)
        with pytest.raises(UsageError, match="no rejudge"):
            apply_rejudge(transaction, small.store)
