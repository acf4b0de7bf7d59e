"""Ranks, ties, noise, totals and pseudonyms: what a leaderboard says, and what it does not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import result_named

from grader.errors import UsageError, Verdict
from grader.gradebook.metric import Metric
from grader.gradebook.result import Metrics, Result
from grader.gradebook.standings import Standing, anonymous, standings, totals, within_noise
from grader.report.pseudonyms import key_for, page_name, pseudonyms

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"a key of a test, which is no secret"


def metrics(mean: float, spread: float, repeats: int = 3) -> Metrics:
    return Metrics(mean, {"model": mean}, [mean] * repeats, spread)


def scored(student: str, points: int, mean: float, spread: float = 0.0) -> Result:
    return replace(result_named(student, Verdict.SCORED, points), metrics=metrics(mean, spread))


def row(number: int, rank: int, result: Result, **more: Any) -> dict[str, Any]:
    values = {
        "task": "t",
        "name": "",
        "email": "",
        "section": "",
        "attempt": 1,
        "attempts": 1,
        "sent": "2026-01-01",
        "late": 0,
        "path": "x.ipynb",
        "points": result.points,
        "graded": result.points,
        "days_late": 0,
        "penalty": 0,
        "adjusted": None,
        "reason": "",
        "choice": "",
    }
    return {**values, "student": result.student, "rank": rank, "result": number, **more}


def board(*results: Result) -> list[Standing]:
    rows = [row(number, number + 1, result) for number, result in enumerate(results)]
    return standings(rows, dict(enumerate(results))).get("t", [])


def test_the_same_points_as_a_neighbour_are_a_tie() -> None:
    found = board(scored("a", 90, 0.9), scored("b", 80, 0.8), scored("c", 80, 0.8), scored("d", 10, 0.6))
    assert [one.tied for one in found] == [False, True, True, False]


def test_a_difference_below_two_standard_errors_is_noise_of_the_next_rank() -> None:
    found = board(scored("a", 90, 0.90, 0.03), scored("b", 85, 0.87, 0.03), scored("c", 50, 0.70, 0.03))
    assert [one.noisy for one in found] == [True, False, False]


def test_everybody_of_a_tie_is_compared_with_the_first_one_below_it() -> None:
    found = board(scored("a", 90, 0.9, 0.05), scored("b", 90, 0.9, 0.05), scored("c", 88, 0.89, 0.05))
    assert [(one.tied, one.noisy) for one in found] == [(True, True), (True, True), (False, False)]


def test_failures_are_neither_ties_nor_noise() -> None:
    found = board(scored("a", 0, 0.5, 0.2), result_named("b"), result_named("c"))
    assert not any(one.tied or one.noisy for one in found)


def test_the_noise_of_a_single_repeat_is_unknown() -> None:
    assert not within_noise(metrics(0.7, 0.0, repeats=1), metrics(0.7001, 0.1))


def test_values_of_two_metrics_are_not_compared() -> None:
    mine = metrics(0.8, 0.1)
    assert within_noise(mine, mine)
    assert not within_noise(mine, replace(mine, metric=Metric("accuracy", "accuracy")))


def test_the_standard_error_is_that_of_a_difference_of_means() -> None:
    error = (0.03**2 / 3 + 0.04**2 / 4) ** 0.5
    assert within_noise(metrics(0.8, 0.03, 3), metrics(0.8 - 1.99 * error, 0.04, 4))
    assert not within_noise(metrics(0.8, 0.03, 3), metrics(0.8 - 2.01 * error, 0.04, 4))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_being_within_noise_does_not_depend_on_who_is_first(
    one: float, two: float, s1: float, s2: float
) -> None:
    mine, theirs = metrics(one, s1), metrics(two, s2)
    assert within_noise(mine, theirs) == within_noise(theirs, mine)


def test_totals_add_the_points_of_all_tasks_and_share_ranks() -> None:
    one = board(scored("a", 90, 0.9), scored("b", 40, 0.6), scored("c", 10, 0.5))
    failed = result_named("c", Verdict.GRADER_ERROR, None)
    two = board(scored("b", 50, 0.7), failed)
    found = totals({"one": one, "two": two})
    assert [(total.rank, total.student, total.total) for total in found] == [
        (1, "a", 90),
        (1, "b", 90),
        (3, "c", 10),
    ]
    assert found[0].points == {"one": 90}
    assert found[2].points == {"one": 10, "two": None}


def test_an_anonymous_board_holds_nothing_of_a_student() -> None:
    result = replace(
        scored("ada", 90, 0.9), message="of ada", run_folder="runs/ada", identical_to="ada (ada.ipynb)", submission="ada.ipynb",
    )  # fmt: skip
    (shown,) = anonymous(
        {"t": standings([row(0, 1, result, name="Ada L", section="A")], {0: result})["t"]}, {"ada": "tola"}
    )["t"]
    assert "ada" not in repr(shown).lower()
    assert shown.points == 90


@given(st.sets(st.text(min_size=1), max_size=30))
def test_pseudonyms_are_stable_distinct_and_can_be_said(students: set[str]) -> None:
    names = pseudonyms(KEY, students)
    assert names.keys() == students
    assert len(set(names.values())) == len(students)
    assert all(set(name) <= set("bdlmnrtvaeiou-") for name in names.values())
    assert pseudonyms(KEY, sorted(students)) == names
    for student in students:
        assert pseudonyms(KEY, [student])[student] == names[student]


def test_other_keys_give_other_pseudonyms() -> None:
    assert pseudonyms(KEY, ["ada"]) != pseudonyms(KEY + b"!", ["ada"])


def test_two_students_who_would_share_a_name_get_longer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.report import pseudonyms as module

    monkeypatch.setattr(module, "_SHORT", 1)  # 40 names for 60 students
    students = [f"s{number}" for number in range(60)]
    names = pseudonyms(KEY, students)
    assert len(set(names.values())) == 60
    assert Counter(len(name) for name in names.values())[17] > 1


def test_the_key_is_drawn_once_for_a_folder_and_is_not_the_secret_of_the_evaluation(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret of the evaluation, which is long enough")
    key = key_for(tmp_path)
    assert key_for(tmp_path) == key
    assert key not in (tmp_path / "secret").read_bytes()
    kept = tmp_path / "pseudonyms" / "secret"
    assert kept.stat().st_mode & 0o077 == 0
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_a_key_that_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "pseudonyms").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be created"):
        key_for(tmp_path)


@given(st.text())
def test_a_page_has_a_plain_file_name_that_others_cannot_guess(student: str) -> None:
    name = page_name(KEY, "t", student, 1)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
    assert len(name) < 70
    assert name != page_name(KEY + b"!", "t", student, 1)
    assert len({name, page_name(KEY, "t", student, 2), page_name(KEY, "u", student, 1)}) == 3
