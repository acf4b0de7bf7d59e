"""Moodle's grading worksheet: filled in where it may be, and otherwise the very bytes that Moodle gave."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from course import EVE, graded

from grader.errors import UsageError
from grader.export import moodle, tables
from grader.export.csv_file import Worksheet
from grader.submissions.roster import Roster

if TYPE_CHECKING:
    from conftest import Golden

    from grader.gradebook.standings import Standing

GIVEN = Path(__file__).parent.parent / "worksheets" / "moodle.csv"
MAY_CHANGE = {"Grade", "Feedback comments"}
FIRST = "Participant 15"


def rows(content: bytes) -> dict[str, dict[str, str]]:
    text = content.decode("utf-8-sig")
    return {row["Identifier"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


@pytest.fixture
def found(tmp_path: Path) -> list[Standing]:
    return tables.read_standings(graded(tmp_path), None, None)


def sheet(old: str = "", new: str = "") -> Worksheet:
    text = GIVEN.read_text(encoding="utf-8")
    assert old in text
    return Worksheet(GIVEN, text.replace(old, new).encode())


def test_the_filled_worksheet_is_as_it_was(found: list[Standing], golden: Golden) -> None:
    golden("moodle.csv", moodle.fill(sheet(), found).content)


def test_points_come_back_scaled_to_the_maximum_grade(found: list[Standing]) -> None:
    made = moodle.fill(sheet(), found)
    grades = {name: row["Grade"] for name, row in rows(made.content).items()}
    assert list(grades.values()) == ["17.00", "20.00", "0.00", "", "", ""]
    assert made.grades == 3


def test_nothing_but_grades_and_comments_changes(found: list[Standing]) -> None:
    before, after = rows(GIVEN.read_bytes()), rows(moodle.fill(sheet(), found).content)
    assert list(before) == list(after)
    for name, row in before.items():
        assert {key: text for key, text in row.items() if after[name][key] != text}.keys() <= MAY_CHANGE
    assert moodle.fill(sheet(), found).content.startswith(b"\xef\xbb\xbfIdentifier,")


def test_without_results_the_worksheet_is_the_very_same_bytes() -> None:
    assert moodle.fill(sheet(), []).content == GIVEN.read_bytes()


def test_our_own_readers_read_what_was_filled(found: list[Standing], tmp_path: Path) -> None:
    path = tmp_path / "filled.csv"
    path.write_bytes(moodle.fill(sheet(), found).content)
    assert moodle.fill(Worksheet.read(path), found).content == path.read_bytes(), (
        "a second export changes nothing"
    )
    person = Roster.read(path).find("grace@uni.example")
    assert person is not None
    assert person.name == "Grace Hopper"


def test_what_was_left_out_is_said(found: list[Standing]) -> None:
    assert moodle.fill(sheet(), found).notes == [
        f"no unambiguous match in the worksheet: {EVE}",
        "left blank because grading failed (grader_error): 1004",
        "unchanged because the worksheet locks their grade: 1005",
        "comments written by somebody else were kept: 1003",
    ]


def test_a_comment_of_a_student_is_text_and_no_html(found: list[Standing]) -> None:
    filled = moodle.fill(sheet(',"Please come and see me, ""Alan""."', ","), found)
    comment = rows(filled.content)["Participant 17"]["Feedback comments"]
    assert comment.startswith("slot_error: your_f raised TypeError: &lt;class 'str'&gt;, not a number. ")
    assert "<" not in comment


def test_an_earlier_comment_of_ours_is_replaced(found: list[Standing]) -> None:
    comment = rows(moodle.fill(sheet(), found).content)["Participant 16"]["Feedback comments"]
    assert comment == (
        "scored: Your function ran to the end and its model was scored. "
        "Balanced accuracy 0.900, 100 of 100 points. (attempt 2 of 2)"
    )


def alone(standing: Standing, **changes: str) -> Standing:
    """Return the standing of somebody of whom nothing but what is given is known."""
    unknown: dict[str, Any] = {"student": "x", "name": "", "email": "", "section": "", "path": "x.ipynb"}
    return replace(standing, **{**unknown, **changes})


WAYS = {
    "the number of the download": {"path": "dl.zip/Ada Lovelace_15_assignsubmission_file_/n.ipynb"},
    "the number of a flat download": {"path": "dl/Ada Lovelace_15_assignsubmission_file_n.ipynb"},
    "the number where names are hidden": {"path": "dl/Participant_15_assignsubmission_file/n.ipynb"},
    "the identifier": {"student": "Participant 15"},
    "the identifier in a file's name": {"student": "Participant_15"},
    "the bare number": {"student": "15"},
    "the email address": {"email": "Ada@uni.example"},
    "the email address as the id": {"student": "ada@uni.example"},
    "the name": {"name": "Lovelace, Ada"},
}


@pytest.mark.parametrize("known", WAYS.values(), ids=WAYS.keys())
def test_a_student_is_found_by(known: dict[str, str], found: list[Standing]) -> None:
    made = moodle.fill(sheet(), [alone(found[1], **known)])
    assert (made.grades, made.notes) == (1, [])
    assert rows(made.content)[FIRST]["Grade"] == "17.00"


UNSURE = {
    "nobody": [{"student": "nobody"}],
    "a number that is no identifier": [{"student": "99"}],
    "numbers of which one is no identifier": [{"student": "15"}, {"student": "1003x"}, {"student": "99"}],
    "keys of two people": [{"name": "Ada Lovelace", "email": "grace@uni.example"}],
    "two for one row": [{"name": "Ada Lovelace"}, {"email": "ada@uni.example"}],
}


@pytest.mark.parametrize("known", UNSURE.values(), ids=UNSURE.keys())
def test_where_it_is_not_sure_nobody_gets_the_grade(
    known: list[dict[str, str]], found: list[Standing]
) -> None:
    made = moodle.fill(sheet(), [alone(found[1], **one) for one in known])
    assert (made.content, made.grades) == (GIVEN.read_bytes(), 0)
    assert len(made.notes) == 1


def test_a_number_of_the_university_beats_one_of_moodles(found: list[Standing]) -> None:
    made = moodle.fill(sheet("Participant 15", "Participant 1003"), [alone(found[1], student="1003")])
    assert rows(made.content)["Participant 17"]["Grade"] == "17.00"


@pytest.mark.parametrize("name", moodle.NEEDED)
def test_a_missing_column_is_refused_in_one_line(name: str, found: list[Standing]) -> None:
    with pytest.raises(UsageError) as refused:
        moodle.fill(sheet(f'"{name}"' if " " in name else name, "Something"), found)
    assert repr(name) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_worksheet_without_comments_is_filled_and_said_to_have_none(found: list[Standing]) -> None:
    made = moodle.fill(sheet('"Feedback comments"', '"Annotated PDF"'), found)
    assert made.grades == 3
    assert made.notes[-1] == "the worksheet has no column 'Feedback comments', so nobody gets a comment"


def test_a_scale_of_words_is_refused(found: list[Standing]) -> None:
    with pytest.raises(UsageError, match="set the assignment's grade to points"):
        moodle.fill(sheet("20.00", "Outstanding"), found)


def test_a_decimal_comma_stays_one(found: list[Standing]) -> None:
    made = moodle.fill(sheet("20.00", '"20,00"'), found)
    assert rows(made.content)[FIRST]["Grade"] == "17,00"


def test_a_row_that_is_there_twice_is_refused(found: list[Standing]) -> None:
    line = GIVEN.read_text(encoding="utf-8").splitlines(keepends=True)[1]
    with pytest.raises(UsageError, match="twice"):
        moodle.fill(sheet(line, line + line), found)
