"""Whatever happens in whatever order, the tables and the events tell the same, and nothing is lost or lent twice."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from contests import SmallContest, result, small_contest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.contest import queue
from grader.contest.attempts import AttemptState, attempts_of
from grader.contest.events import all_events, broken_link
from grader.errors import UsageError, Verdict

if TYPE_CHECKING:
    import pytest

DECISIONS = {
    "force": queue.force,
    "requeue": queue.requeue,
    "hold": queue.hold,
    "release": queue.release,
    "cancel": queue.cancel,
}
steps = st.tuples(
    st.sampled_from(
        ["hand in", "hand in", "admit", "take", "scored", "failed", "silence", "stop", *DECISIONS]
    ),
    st.integers(0, 5),
)


class Play:
    """A contest in which one step happens after the other; what cannot happen then is refused in one line."""

    def __init__(self, small: SmallContest) -> None:
        self.small, self.leases = small, list[queue.Lease]()

    def take_step(self, kind: str, which: int) -> None:
        if kind == "hand in":
            self.small.hand_in([self.small.ada, self.small.bob][which % 2])
            return
        if kind == "silence":
            self.small.clocks.pass_seconds(queue.LEASE_SECONDS + 1)
        with contextlib.suppress(UsageError), self.small.store.writing() as transaction:
            if kind in DECISIONS:
                DECISIONS[kind](transaction, which, "a reason")
            elif kind == "take":
                self.leases += queue.take(transaction, f"w{which}", tasks=["toy_task"], most=2)
            elif kind in ("scored", "failed") and self.leases:
                lease = self.leases[which % len(self.leases)]
                verdict = Verdict.SCORED if kind == "scored" else Verdict.GRADER_ERROR
                queue.record_result(transaction, lease, result(verdict, 50 if kind == "scored" else None))
            elif kind == "admit":
                for lease in queue.received(transaction):
                    queue.admit(transaction, lease.number)
            elif kind == "silence":
                queue.expire(transaction)
            elif kind == "stop":
                queue.give_back(transaction, f"w{which}")


@settings(max_examples=15)
@given(played=st.lists(steps, max_size=30))
def test_tables_and_events_tell_the_same_and_what_runs_has_one_lease(
    played: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = small_contest(tmp_path_factory.mktemp("contest") / "c")
    play = Play(small)
    for kind, which in played:
        play.take_step(kind, which)
    with small.store.reading() as transaction:
        rows = transaction.connection.execute("SELECT * FROM submissions ORDER BY number").fetchall()
        leases = transaction.connection.execute("SELECT submission FROM leases").fetchall()
        events = list(all_events(transaction.connection))
        places = queue.places(transaction)
        assert [queue.place_of(transaction, row["number"]) for row in rows] == [
            next((place for place in places if place.number == row["number"]), None) for row in rows
        ]
    waiting = {place.number for place in places}
    assert broken_link(events) is None
    assert [(a.number, a.state) for a in attempts_of(events)] == [
        (row["number"], row["state"]) for row in rows
    ]
    assert len(rows) == sum(kind == "hand in" for kind, _ in played)
    running = {row["number"] for row in rows if row["state"] == AttemptState.RUNNING}
    assert {row["submission"] for row in leases} == running
    assert waiting == {
        row["number"] for row in rows if row["state"] in (AttemptState.RECEIVED, AttemptState.QUEUED)
    }
