"""What organisers read about waiting and points, from events: numbers that can be checked by hand."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from contests import RULES, START, result
from sites import TASK, small_site

from grader.contest import desk, queue
from grader.contest.events import Event, EventKind
from grader.serve.waiting_times import waiting_times, waits_of

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task


def event(kind: EventKind, number: int, seconds: float) -> Event:
    at = (START + timedelta(seconds=seconds)).isoformat()
    data: dict[str, Any] = {"received": at} if kind is EventKind.RECEIVED else {}
    return Event(1, at, kind, "t", TASK, number, data, "", "")


def waited(*pairs: tuple[float, float]) -> list[Event]:
    """Return the events of submissions that came after so many seconds and waited for so many."""
    received = [event(EventKind.RECEIVED, number, came) for number, (came, _) in enumerate(pairs)]
    started = [event(EventKind.STARTED, number, came + wait) for number, (came, wait) in enumerate(pairs)]
    return received + started


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_wait_ends_when_grading_begins_or_an_answer_comes_and_only_once() -> None:
    events = [
        *(event(EventKind.RECEIVED, number, 0.0) for number in range(4)),
        event(EventKind.REPLACED, 0, 5.0),
        event(EventKind.VERDICT, 1, 2.0),  # could not start
        event(EventKind.STARTED, 2, 30.0),
        event(EventKind.STARTED, 2, 300.0),  # once more, after a failure
        event(EventKind.VERDICT, 2, 400.0),
    ]
    assert sorted(wait.seconds for wait in waits_of(events)) == [2.0, 30.0]  # the last one waits still


def test_the_last_hour_is_told_in_numbers_and_the_contest_in_a_drawing() -> None:
    old = [(0.0, 3000.0)]
    recent = [(7200.0 + number, float(10 * number)) for number in range(1, 11)]
    times = waiting_times(waited(*old, *recent), at(7300.0))
    assert times.median_seconds == 55.0
    assert times.high_seconds == 90.0
    label = re.search(r'aria-label="([^"]+)"', times.drawing)
    assert label
    assert "nine of ten wait at most: 50 to 1.5" in label[1]
    assert "half wait at most: 50 to 0.9167" in label[1]


@pytest.mark.parametrize(
    "pairs", [(), ((0.0, 5.0),), ((0.0, 5.0), (1.0, 5.0))], ids=["none", "one", "at once"]
)
def test_what_gives_no_curve_is_not_drawn(pairs: tuple[tuple[float, float], ...]) -> None:
    times = waiting_times(waited(*pairs), at(9000.0))
    assert times.drawing == ""
    assert times.median_seconds is None


def test_the_page_draws_the_best_and_the_middle_team_over_time(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    for who, points in (("student", 20), ("bob", 50), ("student", 80)):
        site.client(who).hand_in(b"{}")
        site.small.clocks.pass_seconds(90)
        with site.small.store.writing() as transaction:
            for lease in queue.received(transaction):
                queue.admit(transaction, lease.number)
            (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
            queue.record_result(transaction, lease, result(points=points))
        if who == "bob":
            assert "Attempts over time" in site.client("staff").get("/organise/progress").text
        elif points == 20:
            assert (
                "over time" not in site.client("staff").get("/organise/progress").text
            )  # it spans no minute
        site.small.clocks.pass_seconds(510)
    page = site.client("staff").get("/organise/progress").text
    assert "<dd>90 s</dd>" in page
    assert "best team: 20 to 80" in page
    assert "middle team: 20 to 65" in page
    assert "half wait at most: 1.5 to 1.5" in page


def test_the_curve_of_a_team_with_more_time_has_its_full_points(tmp_path: Path, toy_task: Task) -> None:
    site = small_site(tmp_path / "contest", toy_task, rules=RULES + '\n[late]\npolicy = "zero"\n')
    clocks, until = site.small.clocks, START + timedelta(hours=8)
    for points in (20, 80):
        site.client("student").hand_in(b"{}")
        with site.small.store.writing() as transaction:
            queue.admit(transaction, queue.received(transaction)[0].number)
            (lease,) = queue.take(transaction, "worker", tasks=[TASK], most=1)
            queue.record_result(transaction, lease, result(points=points))
            desk.extend(transaction, site.small.ada.team, until, task="", author="", reason="was ill")
        clocks.pass_seconds(6 * 3600)  # the window closed meanwhile
    assert "best team: 20 to 80" in site.client("staff").get("/organise/progress").text


def test_attempts_of_a_clock_that_was_moved_back_are_drawn_in_their_order(
    tmp_path: Path, toy_task: Task
) -> None:
    site = small_site(tmp_path / "contest", toy_task)
    for seconds in (1800, -1200, 0):
        site.client("student").hand_in(b"{}")
        site.small.clocks.wall += timedelta(seconds=seconds)
    page = site.client("staff").get("/organise/progress").text
    points = re.findall(r'<polyline points="([^"]+)"', page)
    steps = [float(pair.partition(",")[0]) for pair in points[0].split()]
    assert steps == sorted(steps)
    assert len(steps) == 3
