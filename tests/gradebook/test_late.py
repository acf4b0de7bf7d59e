"""One rule says what late work loses, and it holds for what is recorded before and after it was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import result_named

from grader.errors import UsageError, Verdict
from grader.gradebook.gradebook import Gradebook, Key, SubmissionRecord, reading, writing
from grader.gradebook.late import LateRule, after_penalty, explained, utc
from grader.gradebook.standings import credits_of, standings

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = "2026-11-30T23:59+01:00"
POLICIES = ["count", "mark", "zero", "-10%/day", "-2.5%/day"]


def rule(late: str = "-10%/day") -> LateRule:
    return LateRule.parse(DEADLINE, late)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("submitted", "days"),
    [
        ("2026-11-30T22:00:00", 0),
        ("2026-11-30T22:59:00", 0),
        ("2026-11-30T22:59:59.999", 0),
        ("2026-11-30T23:00:00", 1),
        ("2026-12-01T22:59:00", 1),
        ("2026-12-01T22:59:01", 2),
        ("2026-12-31T00:00:00", 31),
    ],
)
def test_days_begin_after_the_minute_of_the_deadline_whatever_the_zone(submitted: str, days: int) -> None:
    assert rule().days_late(at(submitted)) == days


def test_work_of_unknown_time_is_in_time() -> None:
    assert rule("zero").days_late(None) == rule("zero").penalty(0) == 0


@pytest.mark.parametrize(
    ("late", "penalties"),
    [
        ("count", [0, 0, 0]),
        ("mark", [0, 0, 0]),
        ("zero", [0, 100, 100]),
        ("-10%/day", [0, 10, 100]),
        ("-2.5%/day", [0, 2, 30]),
        ("- 5 % / day", [0, 5, 60]),
    ],
)
def test_what_is_lost_on_time_after_a_day_and_after_twelve(late: str, penalties: list[int]) -> None:
    assert [rule(late).penalty(days) for days in (0, 1, 12)] == penalties


@given(st.integers(0, 100), st.integers(0, 400), st.sampled_from(POLICIES))
def test_nobody_gets_less_than_nothing_or_gains_by_being_late(points: int, days: int, late: str) -> None:
    now, later = (after_penalty(points, rule(late).penalty(count)) for count in (days, days + 1))
    assert now is not None
    assert later is not None
    assert 0 <= later <= now <= points


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from(POLICIES))  # noqa: DTZ001 -- given a zone below
def test_a_rule_comes_back_as_it_is_written(moment: datetime, late: str) -> None:
    first = LateRule.parse(moment.replace(tzinfo=UTC).isoformat(), late)
    assert LateRule.parse(first.deadline.isoformat(), first.late) == first


@pytest.mark.parametrize(
    ("deadline", "late", "words"),
    [
        ("2026-11-30", "mark", "lacks its time of day"),
        ("2026-11-30T23:59", "mark", "lacks its time of day or its time zone"),
        ("tomorrow", "mark", "'tomorrow' is not a time"),
        (DEADLINE, "half", "write count, mark, zero or a loss for each day such as -10%/day"),
        (DEADLINE, "-0%/day", "such as -10%/day"),
        (DEADLINE, "-101%/day", "such as -10%/day"),
    ],
)
def test_what_is_no_rule_is_one_line(deadline: str, late: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        LateRule.parse(deadline, late)


def test_points_that_nothing_changed_need_no_reason() -> None:
    assert (
        explained(70, 0, 0, None, "") == explained(70, 2, 0, None, "") == explained(0, 2, 20, None, "") == ""
    )
    assert explained(70, 1, 10, None, "") == "graded 70, 1 day late: 10 points less"
    assert explained(5, 3, 30, None, "") == "graded 5, 3 days late: 5 points less"
    assert explained(70, 1, 10, 80, "ill") == "graded 70, adjusted to 80: ill"
    assert explained(None, 0, 0, 80, "ill") == "graded without points, adjusted to 80: ill"


def send(book: Gradebook, run: int, student: str, points: int, submitted: str | None) -> None:
    path, digest = f"{student}.ipynb", f"{student} {points}"
    (identity,) = book.enter([SubmissionRecord("t", student, path, digest, submitted)])
    book.record(run, identity, result_named(student, Verdict.SCORED, points), Key("c", digest))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A gradebook: ada sent 60 in time and 90 three days late, ben 50 in time, cy 70 at an unknown time."""
    with writing(tmp_path) as book:
        book.counts("t", "best")
        run = book.begin_run("grade", {}, {}, {})
        send(book, run, "ada", 60, "2026-11-30T10:00:00.000+00:00")
        send(book, run, "ada", 90, "2026-12-03T10:00:00.000+00:00")
        send(book, run, "ben", 50, "2026-11-30T10:00:00.000+00:00")
        send(book, run, "cy", 70, None)
    return tmp_path


def board(out: Path) -> dict[str, tuple[int | None, int | None, int, bool]]:
    with reading(out) as book:
        results = {entry.id: entry.result for entry in book.history()}
        rows = standings(book.leaderboard(), results)["t"]
    return {row.student: (row.rank, row.points, row.attempt, row.late) for row in rows}


@pytest.mark.parametrize(
    ("late", "ada"),
    [
        ("count", (1, 90, 2, False)),
        ("mark", (1, 90, 2, True)),
        ("zero", (2, 60, 1, False)),
        ("-5%/day", (1, 75, 2, True)),
        ("-10%/day", (2, 60, 1, False)),
    ],
)
def test_the_best_attempt_is_the_one_that_is_worth_most_after_its_penalty(
    late: str, ada: tuple[int, int, int, bool], out: Path
) -> None:
    with writing(out) as book:
        book.set_late_rule("t", rule(late))
    assert board(out)["ada"] == ada
    assert board(out)["cy"][1:] == (70, 1, False), "no time is no reproach"
    with reading(out) as book:
        assert book.undated("t") == ["cy"]
        assert book.late_rule("t") == rule(late)


def test_a_rule_holds_for_what_comes_later_and_can_be_taken_back(out: Path) -> None:
    with writing(out) as book:
        book.set_late_rule("t", rule("zero"))
        send(book, book.begin_run("grade", {}, {}, {}), "dee", 80, "2026-12-05T10:00:00+00:00")
    assert board(out)["dee"] == (4, 0, 1, True)
    with reading(out) as book:
        worth = credits_of(book.leaderboard(), book.current())
        reasons = [worth[entry.id].reason for entry in book.current() if entry.result.student == "dee"]
    assert reasons == ["graded 80, 5 days late: 80 points less"]
    with writing(out) as book:
        book.set_late_rule("t", None)
    assert board(out)["dee"] == (2, 80, 1, False)


def test_a_time_that_becomes_known_counts_for_the_same_file_only(out: Path) -> None:
    known = "2026-12-05T10:00:00+00:00"
    with writing(out) as book:
        book.set_late_rule("t", rule("zero"))
        book.enter([SubmissionRecord("t", "cy", "again/cy.ipynb", "cy 70", known)])
    assert board(out)["cy"][1:] == (70, 1, False), "the same bytes sent once more are no later work"
    with writing(out) as book:
        book.enter([SubmissionRecord("t", "cy", "cy.ipynb", "cy 70", known)])
    assert board(out)["cy"][1:] == (0, 1, True)


def test_a_recorded_time_without_a_zone_is_in_utc() -> None:
    assert utc("2026-11-30T10:00:00") == at("2026-11-30T10:00:00")
    assert utc("2026-11-30T10:00:00+02:00") == at("2026-11-30T10:00:00") - timedelta(hours=2)
    assert utc("") is utc(None) is utc("soon") is None
