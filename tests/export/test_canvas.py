"""Canvas's gradebook: its own export filled in, or a small table in which each student has one sure key."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from course import COURSE, EVE, POINTS, graded

from grader.errors import UsageError
from grader.export import canvas, tables
from grader.export.csv_file import Worksheet
from grader.submissions.roster import Roster

if TYPE_CHECKING:
    from conftest import Golden

    from grader.gradebook.standings import Standing

GIVEN = Path(__file__).parent.parent / "worksheets" / "canvas.csv"
ASSIGNMENT = "Noisy labels (5002)"


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def sheet(old: str = "", new: str = "") -> Worksheet:
    data = GIVEN.read_bytes()
    assert old.encode() in data
    return Worksheet(GIVEN, data.replace(old.encode(), new.encode()) if old else data)


@pytest.fixture
def found(tmp_path: Path) -> list[Standing]:
    return tables.read_standings(graded(tmp_path), None, None)


def test_the_small_table_is_as_it_was(tmp_path: Path, golden: Golden) -> None:
    everybody = tables.read_standings(graded(tmp_path), None, COURSE)
    golden("canvas.csv", canvas.small_table(everybody, ASSIGNMENT, 20).content)


def test_the_filled_export_is_as_it_was(found: list[Standing], golden: Golden) -> None:
    golden("canvas_filled.csv", canvas.fill(sheet(), found, ASSIGNMENT).content)


def test_the_small_table_gives_each_student_one_key_and_points_come_back(found: list[Standing]) -> None:
    made = canvas.small_table(found, ASSIGNMENT, None)
    points = {}
    for row in rows(made.content):
        keys = [row[name] for name in ("ID", "SIS User ID", "SIS Login ID") if row[name]]
        assert len(keys) == 1, row
        points[keys[0]] = row[ASSIGNMENT]
    expected = {student: "" if value is None else str(value) for student, value in POINTS.items()}
    expected["74"] = expected.pop(EVE)
    assert points == expected
    assert made.notes == ["left blank because grading failed (grader_error): 1004"]


def test_a_student_id_never_stands_where_canvas_reads_its_own_number(found: list[Standing]) -> None:
    made = canvas.small_table(found, ASSIGNMENT, None)
    assert [row["ID"] for row in rows(made.content) if row["ID"]] == ["74"]


def test_our_own_reader_reads_the_small_table(tmp_path: Path, found: list[Standing]) -> None:
    path = tmp_path / "canvas.csv"
    path.write_bytes(canvas.small_table(found, ASSIGNMENT, 20).content)
    roster = Roster.read(path)
    assert len(roster.people) == len(POINTS), "points possible is nobody"
    person = roster.find("1002")
    assert person is not None
    assert person.name == "Grace Hopper"


def test_points_possible_is_a_row_only_where_it_is_asked_for(found: list[Standing]) -> None:
    assert rows(canvas.small_table(found, ASSIGNMENT, 20).content)[0]["Student"] == "Points Possible"
    assert rows(canvas.small_table(found, ASSIGNMENT, 20).content)[0][ASSIGNMENT] == "20"
    assert "Points Possible" not in {
        row["Student"] for row in rows(canvas.small_table(found, ASSIGNMENT, None).content)
    }


KEYS = {
    "an email address": ({"student": "ada@uni.example"}, ("", "", "ada@uni.example")),
    "a name alone": ({"student": "Ada Lovelace", "name": "Ada Lovelace"}, ("", "", "")),
    "a file of canvas's": (
        {"student": "lovelaceada_71", "path": "c/lovelaceada_71_90001_n.ipynb"},
        ("71", "", ""),
    ),
    "a folder of canvas's": (
        {"student": "lovelaceada_71", "path": "c/lovelaceada_71_90001_n/n.ipynb"},
        ("71", "", ""),
    ),
    "a file that only looks so": ({"student": "1001", "path": "hw_20_26001_n.ipynb"}, ("", "1001", "")),
}


@pytest.mark.parametrize(("known", "keys"), KEYS.values(), ids=KEYS.keys())
def test_the_key_of_a_student_who_is_known_by(
    known: dict[str, str], keys: tuple[str, str, str], found: list[Standing]
) -> None:
    shown: dict[str, Any] = {"name": "", "email": "", "section": "A", "path": "x.ipynb", **known}
    blank = replace(found[1], **shown)
    (row,) = rows(canvas.small_table([blank], ASSIGNMENT, None).content)
    assert (row["ID"], row["SIS User ID"], row["SIS Login ID"]) == keys


def test_whom_nobody_knows_is_said(found: list[Standing]) -> None:
    stranger = replace(found[1], student="week3", name="", email="", section="", path="week3.ipynb")
    assert canvas.small_table([stranger], ASSIGNMENT, None).notes == [
        "not in a roster, so Canvas may not know them: week3"
    ]


def test_a_name_that_canvas_takes_for_a_total_is_refused(found: list[Standing]) -> None:
    with pytest.raises(UsageError, match="takes such a column for a total"):
        canvas.small_table(found, "Final Grade", None)


def test_the_export_is_filled_scaled_and_otherwise_the_same(found: list[Standing]) -> None:
    made = canvas.fill(sheet(), found, ASSIGNMENT)
    before, after = rows(GIVEN.read_bytes()), rows(made.content)
    grades = {row["Student"]: row[ASSIGNMENT] for row in after[2:]}
    assert grades == {
        "Lovelace, Ada": "17.00", "Hopper, Grace": "20.00", "Turing, Alan": "0.00", "Mallory, Eve": "0.00",
        "Jackson, Mary": "", "Johnson, Katherine": "EX", "=Tables, Bobby": "", "Student, Test": "",
    }  # fmt: skip
    assert made.grades == 4
    for old, new in zip(before, after, strict=True):
        assert {**old, ASSIGNMENT: ""} == {**new, ASSIGNMENT: ""}
    assert made.notes == [
        "left blank because grading failed (grader_error): 1004",
        "unchanged because they are excused or were not assigned it: 1005",
    ]


def test_without_results_the_export_is_the_very_same_bytes() -> None:
    assert canvas.fill(sheet(), [], ASSIGNMENT).content == GIVEN.read_bytes()


@pytest.mark.parametrize("name", [ASSIGNMENT, "Noisy labels", "5002", " Noisy labels (5002) "])
def test_the_assignment_is_found_by_its_column_its_name_or_its_id(name: str, found: list[Standing]) -> None:
    assert canvas.fill(sheet(), found, name).grades == 4


@pytest.mark.parametrize(
    ("old", "new", "name", "words"),
    {
        "no such assignment": ("", "", "Noisy", r"it has: Homework 1 \(5001\), Noisy labels \(5002\)"),
        "two of that name": ("Homework 1 (", "Noisy labels (", "Noisy labels", "has no column for"),
        "read only": ("20.00", "(read only)", ASSIGNMENT, "are .*read only.*, not a number"),
        "no export": ("Student,ID", "Student,Nr", ASSIGNMENT, "no column 'ID'"),
        "somebody twice": (
            '"Hopper, Grace",72,1002,grace',
            '"Lovelace, Ada",71,1001,ada',
            ASSIGNMENT,
            "'Lovelace, Ada' .* twice",
        ),
    }.values(),
    ids=["no such assignment", "two of that name", "read only", "no export", "somebody twice"],
)
def test_a_table_that_cannot_be_filled_is_one_line(
    old: str, new: str, name: str, words: str, found: list[Standing]
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        canvas.fill(sheet(old, new), found, name)
    assert "\n" not in str(refused.value)


def test_canvas_own_number_is_a_student_id_where_there_is_no_other(found: list[Standing]) -> None:
    text = GIVEN.read_text(encoding="utf-8").replace("SIS User ID,", "Notes,").replace(",1001,", ",,")
    by_number = replace(found[1], student="71", name="", email="", path="71.ipynb")
    assert canvas.fill(Worksheet(GIVEN, text.encode()), [by_number], ASSIGNMENT).grades == 1
    assert canvas.fill(sheet(), [by_number], ASSIGNMENT).grades == 0, "71 may be anybody's student id"


def test_an_export_with_names_in_two_columns_is_filled_as_one_with_whole_names(found: list[Standing]) -> None:
    """Canvas has it as an option: `LastName` and `FirstName` in place of `Student`."""
    whole = list(csv.reader(io.StringIO(GIVEN.read_bytes().decode("utf-8-sig"), newline="")))
    split = [["LastName", "FirstName", *whole[0][1:]]]
    split += [[*(part.strip() for part in (*row[0].split(",", 1), "")[:2]), *row[1:]] for row in whole[1:]]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(split)
    filled = canvas.fill(Worksheet(GIVEN, text.getvalue().encode()), found, ASSIGNMENT)
    expected = canvas.fill(sheet(), found, ASSIGNMENT)
    assert (filled.grades, filled.notes) == (expected.grades, expected.notes)
    ours, theirs = (
        [row[ASSIGNMENT] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))]
        for content in (filled.content, expected.content)
    )
    assert ours == theirs
