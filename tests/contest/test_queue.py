from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from contests import RULES, SmallContest, result, small_contest

from grader.contest import queue
from grader.contest.attempts import AttemptState
from grader.contest.people import NewParticipant, enrol
from grader.errors import UsageError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.contest.people import Participant

    Decide = Callable[..., None]

TWO_TASKS = RULES.replace("[[windows]]", '[[tasks]]\nname = "other"\n\n[[windows]]')


@pytest.fixture
def small(tmp_path: Path) -> SmallContest:
    return small_contest(tmp_path / "contest", TWO_TASKS)


def admitted(small: SmallContest, person: Participant, task: str = "toy_task") -> int:
    """Hand in, and put it into the queue."""
    number = small.hand_in(person, task=task).number
    with small.store.writing() as transaction:
        queue.admit(transaction, number)
    return number


def take(small: SmallContest, worker: str = "w", most: int = 1) -> list[queue.Lease]:
    with small.store.writing() as transaction:
        return queue.take(transaction, worker, tasks=("toy_task", "other"), most=most)


def record(small: SmallContest, lease: queue.Lease, verdict: Verdict = Verdict.SCORED) -> bool:
    points = None if verdict is Verdict.GRADER_ERROR else 50
    with small.store.writing() as transaction:
        return queue.record_result(transaction, lease, result(verdict, points))


def state(small: SmallContest, number: int) -> AttemptState:
    with small.store.reading() as transaction:
        return queue.state_of(transaction, number)


def waiting(small: SmallContest) -> list[int]:
    with small.store.reading() as transaction:
        return [place.number for place in queue.places(transaction)]


def test_a_submission_is_lent_once_and_recorded_once(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    (lease,) = take(small)
    assert take(small, "another") == []
    assert state(small, number) is AttemptState.RUNNING
    assert record(small, lease)
    assert not record(small, lease)
    assert state(small, number) is AttemptState.DONE


def test_a_newer_attempt_replaces_the_one_that_waits_and_keeps_its_turn(small: SmallContest) -> None:
    first = admitted(small, small.ada)
    bob = admitted(small, small.bob)
    second = admitted(small, small.ada)
    assert state(small, first) is AttemptState.REPLACED
    assert waiting(small) == [second, bob]
    (lease,) = take(small)
    third = admitted(small, small.ada)
    assert state(small, lease.number) is AttemptState.RUNNING, "what runs is not replaced"
    assert third in waiting(small)


def test_who_hands_in_much_waits_behind_those_who_hand_in_little(small: SmallContest) -> None:
    ada = [admitted(small, small.ada, "toy_task"), admitted(small, small.ada, "other")]
    bob = admitted(small, small.bob)
    assert waiting(small) == [ada[0], bob, ada[1]]


def test_nobody_waits_forever_behind_those_who_come_later(small: SmallContest) -> None:
    admitted(small, small.ada)
    last = admitted(small, small.ada, "other")
    for number in range(5):
        with small.store.writing() as transaction:
            (person,) = enrol(transaction, [NewParticipant(f"Student {number}")])
        admitted(small, person)
        (lease,) = take(small)
        record(small, lease)
        if lease.number == last:
            return
    pytest.fail("the first one's second submission was overtaken again and again")


def test_a_batch_is_of_one_task_and_a_task_has_one_worker(small: SmallContest) -> None:
    toys = [admitted(small, small.ada), admitted(small, small.bob)]
    others = [admitted(small, small.ada, "other"), admitted(small, small.bob, "other")]
    assert [lease.number for lease in take(small, most=5)] == toys
    with small.store.writing() as transaction:
        (person,) = enrol(transaction, [NewParticipant("Cleo")])
    cleo = admitted(small, person)
    assert [lease.number for lease in take(small, "another", most=5)] == others
    assert take(small, "third", most=5) == []
    assert [lease.number for lease in take(small, most=5)] == [cleo]


def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_is_over(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    (lease,) = take(small)
    for _ in range(5):
        small.clocks.pass_seconds(queue.LEASE_SECONDS - 1)
        with small.store.writing() as transaction:
            assert queue.expire(transaction) == []
            queue.renew(transaction, "w", 1)
    small.clocks.pass_seconds(queue.LEASE_SECONDS + 1)
    with small.store.writing() as transaction:
        assert queue.expire(transaction) == [number]
    (again,) = take(small, "another")
    assert not record(small, lease), "whoever was silent comes too late"
    assert record(small, again)


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_wall_clock_that_is_moved_ends_no_lease_and_prolongs_none(small: SmallContest, hours: int) -> None:
    number = admitted(small, small.ada)
    take(small)
    small.clocks.wall += hours * (small.clocks.wall - small.clocks.wall.replace(hour=9))
    with small.store.writing() as transaction:
        assert queue.expire(transaction) == []
    small.clocks.ticks += queue.LEASE_SECONDS + 1
    with small.store.writing() as transaction:
        assert queue.expire(transaction) == [number]


def test_after_a_restart_of_the_machine_every_lease_is_over(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    take(small)
    small.clocks.boot, small.clocks.ticks = "second", 5.0
    with small.store.writing() as transaction:
        assert queue.expire(transaction) == [number]
    assert waiting(small) == [number]


def test_what_the_grader_fails_on_again_and_again_waits_for_an_organiser(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    for failures in range(1, queue.MOST_FAILURES + 1):
        (lease,) = take(small)
        assert record(small, lease, Verdict.GRADER_ERROR)
        held = failures == queue.MOST_FAILURES
        assert state(small, number) is (AttemptState.HELD if held else AttemptState.QUEUED)
    assert take(small) == []
    with small.store.writing() as transaction:
        queue.release(transaction, number, "the disk was full")
    assert waiting(small) == [number]


def test_a_worker_that_stops_gives_back_what_it_has_and_that_is_no_failure(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    for _ in range(queue.MOST_FAILURES + 2):
        take(small)
        with small.store.writing() as transaction:
            queue.give_back(transaction, "w")
        assert state(small, number) is AttemptState.QUEUED


def test_a_forced_submission_comes_next(small: SmallContest) -> None:
    admitted(small, small.ada)
    bob = admitted(small, small.bob)
    with small.store.writing() as transaction:
        queue.force(transaction, bob, "the power failed")
    assert waiting(small)[0] == bob
    assert [lease.number for lease in take(small)] == [bob]


@pytest.mark.parametrize("before", ["received", "queued", "running", "done", "held", "replaced", "cancelled"])
def test_an_organiser_can_have_anything_graded_again(small: SmallContest, before: str) -> None:
    number = small.hand_in(small.ada).number
    with small.store.writing() as transaction:
        if before != "received":
            queue.admit(transaction, number)
    if before in ("running", "done"):
        (lease,) = take(small)
        if before == "done":
            record(small, lease)
    with small.store.writing() as transaction:
        if before == "held":
            queue.hold(transaction, number, "a moment")
        if before == "cancelled":
            queue.cancel(transaction, number, "a mistake")
    if before == "replaced":
        small.hand_in(small.ada)
    assert state(small, number) == before
    with small.store.writing() as transaction:
        queue.requeue(transaction, number, "the task had a mistake")
    assert state(small, number) is AttemptState.QUEUED
    if before == "running":
        assert not record(small, lease)


def test_what_waits_to_be_graded_once_more_is_not_replaced(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    record(small, take(small)[0])
    with small.store.writing() as transaction:
        queue.requeue(transaction, number, "an appeal")
    admitted(small, small.ada)
    assert state(small, number) is AttemptState.QUEUED


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (queue.release, "is queued, so it cannot become queued"),
        (lambda transaction, number, reason: queue.hold(transaction, number + 1, reason), "no submission 2"),
    ],
    ids=["not held", "unknown"],
)
def test_a_decision_that_cannot_be_is_one_line(small: SmallContest, decide: Decide, message: str) -> None:
    number = admitted(small, small.ada)
    with pytest.raises(UsageError, match=message), small.store.writing() as transaction:
        decide(transaction, number, "a reason")


def test_the_expected_wait_follows_from_what_is_ahead_and_who_works(small: SmallContest) -> None:
    admitted(small, small.ada)
    record(small, take(small)[0])  # took 10 s
    first, second = admitted(small, small.bob), admitted(small, small.ada)
    with small.store.reading() as transaction:
        assert [place.seconds for place in queue.places(transaction)] == [None, None], "nobody works"
    with small.store.writing() as transaction:
        queue.renew(transaction, "w", 2)
    with small.store.reading() as transaction:
        assert [(place.number, place.seconds) for place in queue.places(transaction)] == [
            (first, 0.0),
            (second, 5.0),
        ]
        assert queue.place_of(transaction, second) == queue.QueuePlace(second, 1, 5.0)
    take(small)
    small.clocks.pass_seconds(4)
    with small.store.reading() as transaction:
        assert [place.seconds for place in queue.places(transaction)] == [3.0]
    small.clocks.pass_seconds(queue.LEASE_SECONDS + 1)
    with small.store.reading() as transaction:
        assert queue.live_slots(transaction) == 0


def test_what_a_worker_had_that_was_killed_is_given_on_at_once(small: SmallContest) -> None:
    number = admitted(small, small.ada)
    with small.store.writing() as transaction:
        queue.renew(transaction, "w", 1)
    take(small)
    with small.store.writing() as transaction:
        assert queue.expire(transaction) == [], "this process is alive"
        ended = subprocess.Popen(["true"])
        ended.wait()
        transaction.connection.execute("UPDATE workers SET process = ?", (ended.pid,))
        assert queue.has_work(transaction)
        assert queue.expire(transaction) == [number]


def test_a_process_that_another_container_counts_is_not_declared_dead(small: SmallContest) -> None:
    admitted(small, small.ada)
    with small.store.writing() as transaction:
        queue.renew(transaction, "w", 1)
    take(small)
    with small.store.writing() as transaction:
        transaction.connection.execute("UPDATE workers SET process = 4194305, counted_by = 'pid:[1]'")
        assert queue.expire(transaction) == []
