"""Who a file is from: downloads given in any way, rosters, and what must never become somebody else's id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from downloaded import ANNA, BEN, COURSE, EXPORT, FOLDERS, YML, as_folder, as_zip, files, told

from grader.submissions.collect import Submission, collect, strangers
from grader.submissions.roster import Person, Roster

if TYPE_CHECKING:
    from collections.abc import Callable

    Take = Callable[..., list[Submission]]


@pytest.fixture(params=[as_folder, as_zip], ids=["folder", "zip"])
def take(request: pytest.FixtureRequest, tmp_path: Path) -> Take:
    """Collect a download, as a folder and as a zip."""

    def collect_from(
        content: dict[str, bytes], roster: Roster | None = None, pattern: str | None = None
    ) -> list[Submission]:
        return collect([request.param(tmp_path / "download", content)], pattern, tmp_path / "work", roster)

    return collect_from


# -- how downloads are given ---------------------------------------------------------------------------------------


def given(tmp_path: Path, paths: list[Path], roster: Roster | None = None) -> list[str]:
    work = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
    work.mkdir()
    return [submission.student for submission in collect(paths, None, work, roster)]


def test_files_and_folders_of_a_download_may_be_given_one_by_one(tmp_path: Path) -> None:
    place = as_folder(tmp_path / "export", files(*FOLDERS) | {YML: EXPORT.encode()})
    assert given(tmp_path, [place / "submission_2"]) == ["1018"]
    assert given(tmp_path, sorted(place.glob("*/*.ipynb"))) == ["1017", "1018", "1017"]
    place = as_folder(
        tmp_path / "m", files("Anna No_7_assignsubmission_file/x.ipynb", "odeben_78_4562_x.ipynb")
    )
    assert given(tmp_path, sorted(place.iterdir())) == ["Anna No_7", "odeben_78"]


def test_one_file_alone_is_known(tmp_path: Path) -> None:
    place = as_folder(
        tmp_path / "m", files("odeben_78_4562_x.ipynb", "Anna No_7_assignsubmission_file/1018.ipynb")
    )
    assert given(tmp_path, [place / "odeben_78_4562_x.ipynb"]) == ["odeben_78"]
    assert given(tmp_path, [place / "Anna No_7_assignsubmission_file/1018.ipynb"], COURSE) == ["1017"]


def test_attempts_of_two_downloads_are_in_order(tmp_path: Path) -> None:
    late = as_zip(tmp_path / "late", files("noanna_LATE_77_9001_x.ipynb"))
    first = as_zip(tmp_path / "first", files("noanna_77_801_x.ipynb", "odeben_78_802_x.ipynb"))
    found = collect([late, first], None, tmp_path / "work")
    assert told(found)["noanna_77"] == ["noanna_77_801_x.ipynb", "noanna_LATE_77_9001_x.ipynb"]


def test_zips_of_canvas_s_are_their_students_each(tmp_path: Path) -> None:
    zips = [
        as_zip(tmp_path / "noanna_77_45610_work", files("odeben_78_45620_x.ipynb", "1018.ipynb")),
        as_zip(tmp_path / "odeben_78_45620_work", files("x.ipynb")),
    ]
    assert given(tmp_path, zips) == ["noanna_77", "noanna_77", "odeben_78"]


def test_a_zip_that_looks_like_canvas_s_by_chance_holds_many_students(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "ml_101_20241105_all", files("a.ipynb", "b.ipynb"))
    assert given(tmp_path, [path]) == ["a", "b"]


# -- with a roster -------------------------------------------------------------------------------------------------

FITS = {
    "canvas": ("noanna_77_4561_x.ipynb", "odeben_78_4562_x.ipynb"),
    "moodle": ("Anna No_77_assignsubmission_file/x.ipynb", "Ben Ode_78_assignsubmission_file/x.ipynb"),
    "files named by id": ("1017.ipynb", "1018.ipynb"),
    "files named by email": ("anna@uni.example.ipynb", "ben.ipynb"),
    "folders named by name": ("No, Anna/x.ipynb", "ben ode/x.ipynb"),
}


@pytest.mark.parametrize("names", FITS.values(), ids=FITS.keys())
def test_the_roster_s_id_is_the_student_s(take: Take, names: tuple[str, ...]) -> None:
    found = take(files(*names, "mo_5_9999_x.ipynb"), COURSE)
    people = {submission.student: submission.person for submission in found if submission.person}
    assert people == {"1017": ANNA, "1018": BEN}
    assert [Path(submission.path).name for submission in strangers(found)] == ["mo_5_9999_x.ipynb"]


def test_files_of_one_person_are_attempts_however_they_are_named(tmp_path: Path) -> None:
    paths = [as_folder(tmp_path / "1", files("1017.ipynb")), as_zip(tmp_path / "2", files("anna no.ipynb"))]
    assert given(tmp_path, paths, COURSE) == ["1017", "1017"]
    assert given(tmp_path, paths) == ["1017", "anna no"]


def test_a_pattern_comes_before_platforms_and_the_roster_knows_its_text(take: Take) -> None:
    names = ("noanna_77_4561_ben.ipynb", "noanna_77_4562_mo.ipynb", "noanna_77_4563_BEN.ipynb")
    found = take(files(*names), COURSE, r"_\d+_([a-zA-Z]+)\.ipynb")
    assert sorted(told(found)) == ["1018", "mo"]
    assert [submission.student for submission in strangers(found)] == ["mo"]
    assert not any(submission.late for submission in found)


def test_a_folder_of_a_student_s_own_outweighs_the_file_s_name(take: Take) -> None:
    found = take(files("ben/task.ipynb", "anna no/ben.ipynb", "stranger/1017.ipynb"), COURSE)
    assert {Path(s.path).name: s.student for s in found} == {
        "task.ipynb": "1018",
        "ben.ipynb": "ben",
        "1017.ipynb": "1017-2",
    }
    assert [submission.person for submission in found if submission.person] == [BEN]


def test_a_file_alone_in_a_folder_must_not_contradict_it(take: Take) -> None:
    (contradicts,) = take(files("ben/1017.ipynb"), COURSE)
    assert contradicts.person is None


def test_a_section_s_number_is_no_student_s_id(take: Take) -> None:
    roster = Roster([Person("1", "Anna No"), Person("2", "Ben Ode")])
    found = take(files("1/anna no.ipynb", "2/ben ode.ipynb", "2/anna no.ipynb"), roster)
    told_by_path = {"/".join(Path(s.path).parts[-2:]): s.person for s in found}
    assert told_by_path == {
        "1/anna no.ipynb": roster.people[0],
        "2/anna no.ipynb": None,
        "2/ben ode.ipynb": roster.people[1],
    }


def test_folders_of_weeks_and_sections_are_no_students(tmp_path: Path) -> None:
    roster = Roster([Person("1", "Anna No"), Person("2", "Ben Ode")])
    weeks = [as_folder(tmp_path / week, files("noanna_77_4561_x.ipynb", "mo.ipynb")) for week in "12"]
    assert given(tmp_path, weeks, roster) == ["1-mo", "1", "2-mo", "1"]


def test_zips_named_after_students_are_theirs_whatever_is_in_them(tmp_path: Path) -> None:
    zips = [
        as_zip(tmp_path / "anna", files("task.ipynb")),
        as_zip(tmp_path / "ben", files("noanna_77_4561_x.ipynb", "Anna No_7_assignsubmission_file/x.ipynb")),
        as_zip(tmp_path / "unknown", files("1017.ipynb")),
    ]
    found = collect(zips, None, tmp_path / "work", COURSE)
    assert [s.person for s in found if "anna.zip" in s.path] == [ANNA]
    assert ANNA not in [s.person for s in found if "anna.zip" not in s.path]
    assert [s.student for s in strangers(found)][-1] == "unknown.zip-1017"


def test_a_stranger_never_gets_an_id_of_the_roster(take: Take) -> None:
    roster = Roster([Person("noanna_77", "Zoe Zed"), Person("Mo", "Mo Mo")])
    found = take(files("noanna_77_4561_x.ipynb", "folder/mo.ipynb"), roster)
    assert sorted(submission.student for submission in found) == ["mo-2", "noanna_77-2"]


def test_an_id_of_the_roster_never_acts_as_a_path(take: Take) -> None:
    (submission,) = take(files("noanna_77_4561_x.ipynb"), Roster([Person("../a/b", "Anna No")]))
    assert submission.student == "_a_b"


def test_names_of_any_length_stay_two_students(take: Take) -> None:
    name = "x" * 150
    found = take(files(f"{name}_7_assignsubmission_file/a.ipynb", f"{name}_8_assignsubmission_file/a.ipynb"))
    assert len({submission.student for submission in found}) == 2
    assert all(len(submission.student) <= 100 for submission in found)


def test_a_plain_file_gets_no_id_that_a_platform_gave(take: Take) -> None:
    found = take(files("noanna_123_456_task.ipynb", "noanna_123.ipynb"))
    assert {Path(s.path).name: s.student.rpartition("-")[-1] for s in found} == {
        "noanna_123_456_task.ipynb": "noanna_123",
        "noanna_123.ipynb": "noanna_123",
    }
    assert len({submission.student for submission in found}) == 2


def test_attempts_change_places_among_themselves_only(tmp_path: Path) -> None:
    names = ("a_1_900_x.ipynb", "a_1_1000_x.ipynb", "b_2_950_x.ipynb", "a_1_800_x.ipynb")
    place = as_folder(tmp_path / "download", files(*names))
    found = collect([place / name for name in names], None, tmp_path / "work")
    assert [Path(submission.path).name for submission in found] == [names[3], names[0], names[2], names[1]]
