from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.contest.attempts import Attempt, attempts_of
from grader.contest.board import frozen_since, ranking, shown_attempt
from grader.contest.events import Event, EventKind
from grader.contest.rules import (
    AttemptsLeft,
    RefusalReason,
    Refused,
    allowed_from,
    attempts_left,
    check_may_submit,
    counting,
    days_late,
    periods,
    points_of,
)
from grader.contest.spec import ContestSpec, parse_spec, read_spec
from grader.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
from typing import Any

OPENS = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
CLOSES = datetime(2026, 11, 30, 13, 0, tzinfo=UTC)
RULES = """
title = "Contest"
zone = "Europe/Warsaw"
tasks = [{ name = "a" }, { name = "b", worth = 50 }]
windows = [{ opens = 2026-11-30T09:00:00, closes = 2026-11-30T14:00:00 }]
"""


def spec(more: str = "", base: str = RULES) -> ContestSpec:
    return parse_spec(base + more, "contest.toml")


def event(number: int, kind: EventKind, *, team: str = "t", task: str = "a", **data: Any) -> Event:
    submission = data.pop("submission", None)
    return Event(number, "", kind, team, task, submission, data, "", "")


def received(number: int, at: datetime, *, team: str = "t", task: str = "a") -> Event:
    return event(
        number, EventKind.RECEIVED, team=team, task=task, person="p", group="", received=at.isoformat(), submission=number
    )  # fmt: skip


def verdict(number: int, points: int, *, scored: bool = True, team: str = "t", task: str = "a", repeats: Sequence[float] = ()) -> Event:  # fmt: skip
    word = "scored" if scored else "slot_error"
    return event(
        number + 100, EventKind.VERDICT, team=team, task=task, verdict=word, points=points, repeats=list(repeats), submission=number
    )  # fmt: skip


def of(number: int, kind: EventKind, **data: Any) -> Event:
    return event(number + 200, kind, submission=number, **data)


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (OPENS - timedelta(milliseconds=1), RefusalReason.NOT_OPEN),
        (OPENS, None),
        (CLOSES - timedelta(milliseconds=1), None),
        (CLOSES, RefusalReason.CLOSED),
    ],
    ids=["before", "opens", "last moment", "closes"],
)
def test_a_window_is_open_from_its_first_moment_until_before_its_last(
    now: datetime, reason: RefusalReason | None
) -> None:
    if reason is None:
        check_may_submit(spec(), "", "a", events=[], now=now)
        return
    with pytest.raises(Refused) as refused:
        check_may_submit(spec(), "", "a", events=[], now=now)
    assert refused.value.reason is reason
    assert refused.value.again == (OPENS if reason is RefusalReason.NOT_OPEN else None)


GROUPS = """
[groups.poland]
zone = "Europe/Warsaw"
[groups.japan]
zone = "Asia/Tokyo"
"""


def test_each_group_reads_the_window_on_its_own_clock() -> None:
    rules = spec(GROUPS)
    assert periods(rules, "poland", "a")[0].opens == OPENS
    assert periods(rules, "japan", "a")[0].opens == OPENS - timedelta(hours=8)


@pytest.mark.parametrize(
    ("time", "problem"),
    [("2026-10-25T02:30:00", "twice"), ("2026-03-29T02:30:00", "not at all")],
    ids=["autumn", "spring"],
)
def test_a_time_that_clocks_skip_or_repeat_needs_its_offset(time: str, problem: str) -> None:
    text = RULES.replace("2026-11-30T09:00:00", time)
    with pytest.raises(UsageError, match=problem):
        spec(base=text)
    assert spec(base=text.replace(time, f"{time}+01:00")).windows


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("[late]\npolicy = 'none'", "write refuse, count, mark, zero or -N%/day"),
        ("[attempts]\nscored = 0", "attempts.scored"),
        ("[leaderboards]\nround_to = 5", "leaderboards"),
        ("[groups.x]\nzone = 'Europe/Warszawa'", "no time zone 'Europe/Warszawa'"),
        ("title = 'again'", "is not TOML"),
    ],
    ids=["late", "attempts", "unknown", "zone", "twice"],
)
def test_a_mistake_in_the_rules_is_one_line_that_names_its_place(wrong: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        spec(wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("closes = 2026-11-30T14", "closes = 2026-11-30T08", "is not before"),
        ("windows = [{", 'windows = [{ tasks = ["c"],', "no task 'c'"),
        ("windows = [{", 'windows = [{ groups = ["x"],', "no group 'x'"),
        ('{ name = "b"', '{ name = "dir/a"', "the same name"),
    ],
    ids=["order", "task", "group", "names"],
)
def test_rules_that_contradict_themselves_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        spec(base=RULES.replace(old, new))


def test_an_extension_moves_the_close_of_its_team_and_can_be_taken_back() -> None:
    later = CLOSES + timedelta(minutes=30)
    extended = event(1, EventKind.EXTENDED, until=later.isoformat())
    check_may_submit(spec(), "", "a", events=[extended], now=CLOSES + 29 * MINUTE)
    assert periods(spec(), "", "a", [extended])[-1].closes == later
    assert periods(spec(), "", "b", [extended])[-1].closes == CLOSES
    back = event(2, EventKind.EXTENDED, until=None)
    assert periods(spec(), "", "a", [extended, back])[-1].closes == CLOSES
    shorter = event(3, EventKind.EXTENDED, until=OPENS.isoformat())
    assert periods(spec(), "", "a", [shorter])[-1].closes == CLOSES, "nobody loses time by it"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", "not a time"),
        ("2026-10-25T02:30", "comes twice in Europe/Warsaw"),
        ("2026-03-29T02:30", "not at all in Europe/Warsaw"),
        ("0001-01-01T00:00", "out of range"),
    ],
    ids=["words", "twice", "skipped", "before the calendar"],
)
def test_a_time_that_nobody_can_read_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        spec().moment(text, "")
    assert spec().moment("2026-11-30T14:30", "") == CLOSES + 30 * MINUTE
    assert spec().moment("2026-11-30T14:30+00:00", "") == CLOSES + 90 * MINUTE


def test_an_extension_for_everybody_takes_nothing_from_a_team_that_got_more() -> None:
    """In whichever order the decisions come: intake reads events by number, the ranking those of everybody first."""
    more, less = CLOSES + 60 * MINUTE, CLOSES + 30 * MINUTE
    team = event(1, EventKind.EXTENDED, until=more.isoformat())
    everybody = event(2, EventKind.EXTENDED, team="", task="", until=less.isoformat())
    back = event(3, EventKind.EXTENDED, team="", task="", until=None)
    for events in ([team, everybody], [everybody, team], [team, everybody, back]):
        assert periods(spec(), "", "a", events)[-1].closes == more
    assert periods(spec(), "", "a", [everybody])[-1].closes == less


def test_after_the_contest_is_closed_nothing_is_taken() -> None:
    closed = event(1, EventKind.CLOSED, team="", task="")
    with pytest.raises(Refused, match="closed"):
        check_may_submit(spec(), "", "a", events=[closed], now=OPENS)


LIMITS = "[attempts]\nscored = 2\nfailing = 2\n[cooldown]\nminutes = 0\n"
FIRST, SECOND, THIRD = (received(number, OPENS + number * MINUTE) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("happened", "left"),
    [
        ([], AttemptsLeft(2, 2)),
        ([FIRST], AttemptsLeft(2, 2)),
        ([FIRST, of(1, EventKind.STARTED)], AttemptsLeft(1, 2)),
        ([FIRST, verdict(1, 50)], AttemptsLeft(1, 2)),
        ([FIRST, verdict(1, 0, scored=False)], AttemptsLeft(2, 1)),
        ([FIRST, of(1, EventKind.STARTED), of(1, EventKind.FAILED)], AttemptsLeft(2, 2)),
        ([FIRST, of(1, EventKind.HELD)], AttemptsLeft(2, 2)),
        ([FIRST, verdict(1, 50), of(1, EventKind.CANCELLED)], AttemptsLeft(2, 2)),
        ([FIRST, of(1, EventKind.REPLACED), SECOND, verdict(2, 9)], AttemptsLeft(1, 2)),
        ([FIRST, verdict(1, 50), of(1, EventKind.REQUEUED)], AttemptsLeft(1, 2)),
        ([FIRST, verdict(1, 50), of(1, EventKind.REQUEUED), of(1, EventKind.STARTED)], AttemptsLeft(1, 2)),
        ([FIRST, verdict(1, 50), SECOND, verdict(2, 60), THIRD, verdict(3, 1)], AttemptsLeft(0, 2)),
    ],
    ids=[
        "none", "waiting", "running", "scored", "failing", "our failure", "held", "cancelled", "replaced", "requeued",
        "graded once more", "all",
    ],
)  # fmt: skip
def test_attempts_count_only_where_the_student_got_a_verdict(
    happened: list[Event], left: AttemptsLeft
) -> None:
    assert attempts_left(spec(LIMITS), attempts_of(happened)) == left


def test_without_attempts_left_nothing_is_taken_and_the_refusal_says_which() -> None:
    failing = [FIRST, verdict(1, 0, scored=False), SECOND, verdict(2, 0, scored=False)]
    with pytest.raises(Refused, match="all 2 failing attempts are used") as refused:
        check_may_submit(spec(LIMITS), "", "a", events=failing, now=OPENS + 9 * MINUTE)
    assert refused.value.reason is RefusalReason.NO_ATTEMPTS_LEFT
    check_may_submit(spec(LIMITS), "", "b", events=failing, now=OPENS + 9 * MINUTE)


def test_a_burst_is_allowed_and_then_one_attempt_each_pause() -> None:
    rules = spec("[cooldown]\nminutes = 2\nburst = 3")
    burst = [received(number, OPENS) for number in (1, 2, 3)]
    check_may_submit(rules, "", "a", events=burst[:2], now=OPENS)
    with pytest.raises(Refused, match="in 120 seconds") as refused:
        check_may_submit(rules, "", "a", events=burst, now=OPENS)
    assert refused.value.again == OPENS + 2 * MINUTE
    check_may_submit(rules, "", "a", events=burst, now=OPENS + 2 * MINUTE)
    fourth = [*burst, received(4, OPENS + 2 * MINUTE)]
    with pytest.raises(Refused):
        check_may_submit(rules, "", "a", events=fourth, now=OPENS + 3 * MINUTE)


def test_what_the_grader_failed_on_takes_no_token() -> None:
    rules = spec("[cooldown]\nminutes = 2\nburst = 1")
    check_may_submit(rules, "", "a", events=[FIRST, of(1, EventKind.HELD)], now=OPENS + MINUTE)
    with pytest.raises(Refused):
        check_may_submit(rules, "", "a", events=[FIRST, of(1, EventKind.REPLACED)], now=OPENS + MINUTE)


seconds = st.integers(min_value=-10_000, max_value=10_000)


def attempt(number: int, at: datetime) -> Attempt:
    return Attempt(number, "t", "a", "p", "", at)


@given(times=st.lists(seconds, max_size=12), minutes=st.floats(0, 60), burst=st.integers(1, 5))
def test_the_cool_down_never_looks_back_and_never_asks_for_more_than_its_pause(
    times: list[int], minutes: float, burst: int
) -> None:
    rules = spec(f"[cooldown]\nminutes = {minutes:.6f}\nburst = {burst}")
    attempts = [attempt(number, OPENS + timedelta(seconds=at)) for number, at in enumerate(times)]
    again = allowed_from(rules, attempts, OPENS)
    pause = timedelta(minutes=rules.cooldown.minutes)
    assert OPENS <= again <= OPENS + pause
    # Whoever waits that long is let in.
    assert (
        allowed_from(rules, [a for a in attempts if a.received <= OPENS], again + MINUTE / 1000)
        == again + MINUTE / 1000
    )


@given(times=st.lists(st.integers(0, 3600), max_size=30), burst=st.integers(1, 4))
def test_the_cool_down_lets_in_at_most_a_burst_and_one_for_each_pause(times: list[int], burst: int) -> None:
    rules = spec(f"[cooldown]\nminutes = 1\nburst = {burst}")
    taken: list[Attempt] = []
    for at in sorted(times):
        now = OPENS + timedelta(seconds=at)
        if allowed_from(rules, taken, now) == now:
            taken.append(attempt(len(taken), now))
    for first, start in enumerate(taken):
        for number, end in enumerate(taken[first:], start=1):
            assert number <= burst + (end.received - start.received) / MINUTE + 1e-6


@pytest.mark.parametrize(
    ("counts", "expected"), [("latest", 3), ("best", 1), ("chosen", 2)], ids=["latest", "best", "chosen"]
)
def test_which_attempt_counts(counts: str, expected: int) -> None:
    rules = spec(f"[attempts]\ncounts = '{counts}'")
    happened = [FIRST, verdict(1, 70), SECOND, verdict(2, 60), THIRD, verdict(3, 70), of(2, EventKind.CHOSEN)]
    counted = counting(rules, attempts_of(happened), happened)
    assert counted is not None
    assert counted.number == expected


def test_a_chosen_attempt_that_was_cancelled_leaves_it_to_the_best() -> None:
    rules = spec("[attempts]\ncounts = 'chosen'")
    happened = [
        FIRST,
        verdict(1, 70),
        SECOND,
        verdict(2, 60),
        of(2, EventKind.CHOSEN),
        of(2, EventKind.CANCELLED),
    ]
    counted = counting(rules, attempts_of(happened), happened)
    assert counted is not None
    assert counted.number == 1
    assert counting(rules, attempts_of([FIRST]), [FIRST]) is None


@pytest.mark.parametrize(
    ("policy", "after", "points"),
    [
        ("-10%/day", timedelta(0), 70),
        ("-10%/day", timedelta(hours=25), 60),
        ("zero", timedelta(milliseconds=1), 0),
        ("mark", timedelta(hours=1), 80),
        ("count", timedelta(hours=1), 80),
    ],
)
def test_late_work_loses_what_the_rule_says(policy: str, after: timedelta, points: int) -> None:
    rules = spec(f"[late]\npolicy = '{policy}'\nuntil_hours = 48")
    check_may_submit(rules, "", "a", events=[], now=CLOSES + after)
    with pytest.raises(Refused):
        check_may_submit(rules, "", "a", events=[], now=CLOSES + timedelta(hours=48))
    (late,) = attempts_of([received(1, CLOSES + after), verdict(1, 80)])
    assert days_late(rules, late) >= 1
    assert points_of(rules, late) == points
    in_time = replace(late, received=CLOSES - timedelta(milliseconds=1))
    assert (days_late(rules, in_time), points_of(rules, in_time)) == (0, 80)


def enrolled(number: int, team: str, role: str = "student") -> Event:
    return event(number, EventKind.ENROLLED, team=team, task="", role=role, person=f"p{number}")


def test_the_ranking_adds_what_tasks_are_worth_and_shares_ranks() -> None:
    events = [
        enrolled(1, "t"), enrolled(2, "u"), enrolled(3, "v"), enrolled(4, "w", "staff"),
        received(5, OPENS), verdict(5, 80), received(6, OPENS, task="b"), verdict(6, 40, task="b"),
        received(7, OPENS, team="u"), verdict(7, 100, team="u"),
    ]  # fmt: skip
    rows = ranking(spec(), events)
    assert [(row.rank, row.team, row.total) for row in rows] == [
        (1, "t", 100.0),
        (1, "u", 100.0),
        (3, "v", 0.0),
    ]


def test_a_frozen_board_stays_for_everybody_and_moves_again_after_the_close() -> None:
    rules = spec("[leaderboard]\nfreeze = 2026-11-30T13:00:00\nround_to = 5")
    freeze = CLOSES - timedelta(hours=1)
    events = [enrolled(1, "t"), received(2, OPENS), verdict(2, 48), received(3, freeze), verdict(3, 93)]
    assert frozen_since(rules, events, freeze - MINUTE) is None
    assert ranking(rules, events, shown_at=freeze - MINUTE)[0].total == 90
    assert ranking(rules, events, shown_at=freeze)[0].total == 45
    assert ranking(rules, events)[0].total == 93
    events.append(event(9, EventKind.CLOSED, team="", task=""))
    assert ranking(rules, events, shown_at=CLOSES)[0].total == 90


def test_a_new_best_within_noise_is_not_shown_but_counts() -> None:
    rules = spec("[leaderboard]\nbeyond_noise = true")
    events = [
        enrolled(1, "t"), received(2, OPENS), verdict(2, 50, repeats=[0.50, 0.56, 0.53]),
        received(3, OPENS), verdict(3, 52, repeats=[0.51, 0.57, 0.54]),
    ]  # fmt: skip
    assert ranking(rules, events, shown_at=OPENS)[0].total == 50
    assert ranking(rules, events)[0].total == 52
    events += [received(4, OPENS), verdict(4, 80, repeats=[0.80, 0.81, 0.82])]
    assert ranking(rules, events, shown_at=OPENS)[0].total == 80


def test_a_disqualified_attempt_counts_nothing_until_that_is_taken_back() -> None:
    events = [
        enrolled(1, "t"),
        received(2, OPENS),
        verdict(2, 50),
        of(2, EventKind.DISQUALIFIED, disqualified=True),
    ]
    assert ranking(spec(), events)[0].total == 0
    assert ranking(spec(), [*events, of(2, EventKind.DISQUALIFIED, disqualified=False)])[0].total == 50


def test_rules_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"contest.toml cannot be read"):
        read_spec(tmp_path / "contest.toml")


def test_which_attempt_counts_tells_no_more_than_rounded_points() -> None:
    rules = spec("[leaderboard]\nround_to = 10")
    events = [received(1, OPENS), verdict(1, 57), received(2, OPENS), verdict(2, 58)]
    (first, second) = attempts_of(events)
    assert counting(rules, [first, second]) == second
    assert shown_attempt(rules, [first, second]) == first
    events += [received(3, OPENS), verdict(3, 60)]
    assert shown_attempt(rules, attempts_of(events)) == attempts_of(events)[2]
    assert shown_attempt(spec(), [first, second]) == second
