"""The leaderboard as a table and as JSON: everybody once, nobody's failure of ours a zero, no formula."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from course import COURSE, EVE, POINTS, graded

from grader.errors import UsageError
from grader.export import tables

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Golden


def table(content: bytes) -> dict[str, dict[str, str]]:
    return {row["student"]: row for row in csv.DictReader(io.StringIO(content.decode(), newline=""))}


def test_the_table_is_as_it_was(tmp_path: Path, golden: Golden) -> None:
    golden("leaderboard.csv", tables.as_csv(tables.read_standings(graded(tmp_path), None, COURSE)).content)


def test_the_json_is_as_it_was(tmp_path: Path, golden: Golden) -> None:
    golden("leaderboard.json", tables.as_json(tables.read_standings(graded(tmp_path), None, COURSE)).content)


def test_points_come_back_from_the_table_and_from_the_json(tmp_path: Path) -> None:
    found = tables.read_standings(graded(tmp_path), None, None)
    rows = table(tables.as_csv(found).content)
    assert {student: row["points"] for student, row in rows.items()} == {
        student: "" if points is None else str(points) for student, points in POINTS.items()
    }
    values = json.loads(tables.as_json(found).content)
    assert {value["student"]: value["points"] for value in values} == POINTS


def test_a_failure_of_ours_is_blank_and_noted(tmp_path: Path) -> None:
    made = tables.as_csv(tables.read_standings(graded(tmp_path), None, None))
    assert table(made.content)["1004"]["points"] == ""
    assert made.grades == 5
    assert made.notes == ["left blank because grading failed (grader_error): 1004"]


def test_no_text_of_an_export_is_a_formula(tmp_path: Path) -> None:
    rows = table(tables.as_csv(tables.read_standings(graded(tmp_path), None, COURSE)).content)
    assert rows["1006"]["name"] == "'=Bobby Tables"
    assert rows[EVE]["message"].startswith("'=HYPERLINK")


def test_with_a_roster_those_who_handed_in_nothing_are_listed_without_points(tmp_path: Path) -> None:
    without, with_roster = (
        tables.read_standings(graded(tmp_path), None, roster) for roster in (None, COURSE)
    )
    assert [one.student for one in with_roster] == [*(one.student for one in without), "1006"]
    absent = with_roster[-1]
    assert (absent.rank, absent.points, absent.verdict, absent.attempts) == (None, None, None, 0)
    assert tables.ungraded([absent]) == []


def test_a_roster_that_comes_later_says_who_people_are(tmp_path: Path) -> None:
    found = tables.read_standings(graded(tmp_path), None, COURSE)
    assert next(one for one in found if one.student == "1001").section == "A"


def test_several_tasks_are_all_in_a_table_and_must_be_chosen_for_a_platform(tmp_path: Path) -> None:
    graded(tmp_path)
    graded(tmp_path, task="other")
    found = tables.read_standings(tmp_path, None, None)
    assert len(found) == 2 * len(POINTS)
    with pytest.raises(UsageError, match="--task noisy or other"):
        tables.one_task(found)
    assert tables.one_task(tables.read_standings(tmp_path, "other", None)) == "other"
    with pytest.raises(UsageError, match="did you mean 'noisy'"):
        tables.read_standings(tmp_path, "nosy", None)


def test_a_gradebook_without_results_is_one_line(tmp_path: Path) -> None:
    from grader.gradebook.gradebook import writing

    with writing(tmp_path):
        pass
    with pytest.raises(UsageError, match="holds no results"):
        tables.read_standings(tmp_path, None, None)
