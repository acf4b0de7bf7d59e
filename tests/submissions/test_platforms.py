"""Whose a downloaded file is: what Canvas, Moodle and Gradescope wrote decides, and no name a student chose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from downloaded import ANNA, COURSE, EXPORT, FOLDERS, YML, as_folder, as_zip, files, metadata, told

from grader.submissions.collect import Submission, collect, strangers
from grader.submissions.platforms import canvas, gradescope, moodle
from grader.submissions.roster import Person, Roster
from grader.submissions.tables import MAX_BYTES_EACH

if TYPE_CHECKING:
    from collections.abc import Callable

    Take = Callable[..., list[Submission]]


@pytest.fixture
def notes() -> list[str]:
    """What collecting noted."""
    return []


@pytest.fixture(params=[as_folder, as_zip], ids=["folder", "zip"])
def take(request: pytest.FixtureRequest, tmp_path: Path, notes: list[str]) -> Take:
    """Collect a download, as a folder and as a zip."""

    def collect_from(
        content: dict[str, bytes], roster: Roster | None = None, pattern: str | None = None
    ) -> list[Submission]:
        path = request.param(tmp_path / "download", content)
        return collect([path], pattern, tmp_path / "work", roster, on_note=notes.append)

    return collect_from


# -- Canvas ------------------------------------------------------------------------------------------------------


def test_canvas_tells_the_user_by_number_and_who_was_late(take: Take) -> None:
    anna, ben = take(files("noanna_LATE_77_4561_task.ipynb", "odeben_78_4562_my task_1_2_x.ipynb"))
    assert (anna.student, anna.late, ben.student, ben.late) == ("noanna_77", True, "odeben_78", False)
    assert (anna.submitted, anna.person) == (None, None)


def test_attempts_of_canvas_are_in_order_of_the_file_s_number(take: Take) -> None:
    names = ("noanna_77_10001_task-1.ipynb", "noanna_77_9999_task.ipynb", "noanna_LATE_77_10002_a.ipynb")
    found = take(files(*names, "mo_5_10003_task.ipynb"))
    assert told(found) == {"mo_5": ["mo_5_10003_task.ipynb"], "noanna_77": [names[1], names[0], names[2]]}


def test_people_of_one_name_with_two_numbers_are_two(take: Take) -> None:
    found = take(files("doejane_1_501_a.ipynb", "doejane_2_502_a.ipynb"), Roster([Person("9", "Jane Doe")]))
    assert set(told(found)) == {"doejane_1", "doejane_2"}
    assert strangers(found) == found


def test_canvas_s_number_tells_people_of_one_name_apart(take: Take) -> None:
    first, second = Person("a", "Jane Doe"), Person("b", "Jane Doe")
    roster = Roster([first, second], [["1"], ["2"]])
    found = take(files("doejane_1_501_a.ipynb", "doejane_2_502_a.ipynb", "doejane_3_503_a.ipynb"), roster)
    assert [(s.student, s.person) for s in found] == [("a", first), ("b", second), ("doejane_3", None)]


def test_canvas_s_number_is_no_student_id_of_somebody_called_otherwise(take: Take) -> None:
    (mo,) = take(files("modi_1018_501_task.ipynb"), COURSE)
    assert (mo.student, mo.person) == ("modi_1018", None)


NO_CANVAS = [
    "anna.ipynb",
    "hw_1.ipynb",
    "hw_1_2_final.ipynb",
    "hw_2024_11_05.ipynb",
    "noanna_77_4561.ipynb",
    "NoAnna_77_4561_x.ipynb",
    "no anna_77_4561_x.ipynb",
    "no-anna_77_4561_x.ipynb",
    "2024_77_4561_x.ipynb",
    "_77_4561_x.ipynb",
    "noanna_LATER_77_4561_x.ipynb",
    "noanna_077_4561_x.ipynb",
    "noanna_7²_4561_x.ipynb",
    "x_noanna_77_4561_x.ipynb",
    f"noanna_{'7' * 5000}_4561_x.ipynb",
]


@pytest.mark.parametrize("name", NO_CANVAS, ids=range(len(NO_CANVAS)))
def test_an_ordinary_name_is_not_canvas_s(name: str) -> None:
    assert canvas(name) is None


@pytest.mark.parametrize("name", ["łukasznowak", "o\u0308zgu\u0308r", "李小龙", "सीता", "student2"])
def test_names_of_any_alphabet_are_canvas_s(name: str) -> None:
    origin = canvas(f"{name}_LATE_77_4561_x_1_2_3.ipynb")
    assert origin is not None
    assert (origin.identity, origin.late, origin.order) == ("77", True, (4561, 0))


def test_names_that_only_look_like_canvas_s_are_different_students(take: Take) -> None:
    names = ("hw_1_100_anna.ipynb", "hw_1_100_ben.ipynb", "anna_7_2024_x.ipynb", "ben_7_2025_x.ipynb")
    assert sorted(told(take(files(*names)))) == sorted(Path(name).stem for name in names)


def test_only_canvas_s_prefix_counts_not_the_student_s_name_behind_it(take: Take) -> None:
    found = take(files("noanna_77_4561_odeben_78_4562_x.ipynb", "odeben_78_4563_1018.ipynb"), COURSE)
    assert [submission.student for submission in found] == ["1017", "1018"]


def test_a_folder_that_was_unpacked_from_a_zip_of_canvas_s_is_its_student_s(take: Take) -> None:
    found = take(files("noanna_77_4561_work/odeben_78_4562_x.ipynb", "odeben_78_4562_x.ipynb"))
    assert told(found) == {"noanna_77": ["odeben_78_4562_x.ipynb"], "odeben_78": ["odeben_78_4562_x.ipynb"]}


# -- Moodle ------------------------------------------------------------------------------------------------------


def test_moodle_tells_the_student_by_name_and_number(take: Take) -> None:
    names = ("Anna No_77_assignsubmission_file/b.ipynb", "Anna No_77_assignsubmission_file/sub/a.ipynb")
    found = take(
        files(*names, "Anna No_78_assignsubmission_file/b.ipynb", "Ben Ode_9_assignsubmission_file_/b.ipynb")
    )
    assert told(found) == {
        "Anna No_77": ["b.ipynb", "a.ipynb"],
        "Anna No_78": ["b.ipynb"],
        "Ben Ode_9": ["b.ipynb"],
    }


def test_moodle_may_write_one_folder_for_all(take: Take) -> None:
    found = take(files("Anna No_77_assignsubmission_file_Ben Ode_78_assignsubmission_file_x.ipynb"), COURSE)
    assert [submission.person for submission in found] == [ANNA]


def test_moodle_s_folder_decides_not_what_the_student_put_into_it(take: Take) -> None:
    place = "Anna No_77_assignsubmission_file"
    found = take(
        files(
            f"{place}/odeben_78_4562_x.ipynb",
            f"{place}/Ben Ode_9_assignsubmission_file/x.ipynb",
            f"{place}/1018.ipynb",
            f"{place}/submission_1/x.ipynb",
            f"{place}/{YML}",
            "Ben Ode_9_assignsubmission_file/x.ipynb",
        )
        | {f"{place}/{YML}": metadata(submission_1="Ben Ode/1018/ben@uni.example/").encode()},
        COURSE,
    )
    assert {s.student for s in found if place in s.path} == {"1017"}
    assert [s.student for s in found if place not in s.path] == ["1018"]


def test_the_folder_of_the_only_student_decides_too(take: Take) -> None:
    found = take(
        files("Anna No_77_assignsubmission_file/submission_1/odeben_78_4562_x.ipynb")
        | {f"Anna No_77_assignsubmission_file/{YML}": metadata(submission_1="Ben Ode/1018//").encode()},
        COURSE,
    )
    assert [submission.person for submission in found] == [ANNA]


def test_two_participants_of_one_name_are_neither_the_one_of_the_roster(take: Take) -> None:
    found = take(
        files("Anna No_77_assignsubmission_file/x.ipynb", "Anna No_78_assignsubmission_file/x.ipynb"), COURSE
    )
    assert set(told(found)) == {"Anna No_77", "Anna No_78"}


def test_folders_of_sections_hold_downloads(take: Take) -> None:
    found = take(
        files("A/Anna No_77_assignsubmission_file/x.ipynb", "B/Ben Ode_9_assignsubmission_file/x.ipynb")
    )
    assert set(told(found)) == {"Anna No_77", "Ben Ode_9"}


@pytest.mark.parametrize(
    "name", ["Anna_assignsubmission_file", "A_b_7_assignsubmission_file", " _7_assignsubmission_file"]
)
def test_an_ordinary_folder_is_not_moodle_s(name: str) -> None:
    assert moodle(name) is None


# -- Gradescope --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["", "assignment_5_export/"])
def test_gradescope_tells_the_student_and_the_time(take: Take, root: str) -> None:
    found = take(files(*(root + name for name in FOLDERS)) | {f"{root}{YML}": EXPORT.encode()})
    assert told(found) == {"1017": ["y.ipynb", "x.ipynb"], "1018": ["x.ipynb"]}
    assert [s.submitted for s in found] == [
        "2026-03-01T11:00:00.000+00:00",
        "2026-03-01T09:00:00.000+00:00",
        "2026-03-01T15:00:00.250+00:00",
    ]


def test_gradescope_s_folder_decides_not_what_the_student_put_into_it(take: Take) -> None:
    content = files(*FOLDERS, "submission_2/noanna_77_4561_x.ipynb", "submission_2/submission_1/1017.ipynb")
    content |= {YML: EXPORT.encode(), f"submission_2/{YML}": metadata(submission_1="Anna No/1017//").encode()}
    found = take(content, COURSE)
    assert {s.student for s in found if "submission_2" in s.path} == {"1018"}


def test_a_table_in_one_student_s_folder_says_nothing_of_others(take: Take) -> None:
    content = files("a/submission_1/x.ipynb", "b/x.ipynb") | {f"a/{YML}": EXPORT.encode()}
    assert set(told(take(content))) == {"submission_1-x", "b-x"}


def test_who_has_no_number_is_told_by_email_and_a_name_alone_is_kept_apart(take: Take) -> None:
    table = metadata(submission_1="A/''/a@x/", submission_2="Jane/~//", submission_3="Jane/null//")
    found = take(files(*FOLDERS) | {YML: table.encode()})
    assert [submission.student for submission in found] == ["a@x", "Jane_2", "Jane_3"]


def test_the_work_of_a_group_is_nobody_s_alone(take: Take) -> None:
    table = "submission_1:\n  :submitters:\n  - {':name': Anna No, ':sid': '1017'}\n  - {':name': Ben Ode, ':sid': '1018'}\n"
    found = take(files("submission_1/x.ipynb") | {YML: table.encode()}, COURSE)
    assert [(s.student, s.person) for s in strangers(found)] == [("1017+1018", None)]


ENTRY = metadata(submission_1="Anna No/1017//").encode()
MALFORMED = {
    "no yaml": b"submission_1: [",
    "no text": b"\xff\xfe\xfd",
    "deep mappings": b"{a: " * 60_000,
    "deep keys": b"? " * 60_000,
    "deep beside a good entry": ENTRY + b"other: " + b"[" * 60_000,
    "deep below a good entry": ENTRY + b"  :results: " + b"[" * 60_000,
    "deep submitters": b"submission_1:\n  :submitters: " + b"[" * 60_000,
    "submitters without an end": ENTRY + b"  - {':sid': 1018}\n" * 300,
    "a deep key of a good entry": ENTRY + b"  ? " + b"[" * 60_000,
    "larger than two submissions": ENTRY + b"#" * 4 * MAX_BYTES_EACH,
    "many keys": b"".join(b"k%d: v\n" % number for number in range(100_000)) + ENTRY,
}
OF_NOBODY = {
    "an object of Python": b"submission_1: !!python/object/apply:os.system ['exit 1']",
    "deep brackets": b"[" * 60_000,
    "deep blocks": b"- " * 60_000,
    "another table": b"- submission_1",
    "a text": b"submission_1: Anna",
    "no submitters": b"submission_1: {':submitters': []}",
    "submitters that are none": b"submission_1: {':submitters': [1, [2]]}",
    "submitters that are themselves": b"submission_1: {':submitters': &a [*a]}",
    "a key that is a list": b"? [a]\n: 1",
    "an id of a book's length": b"submission_1: {':submitters': [{':sid': '" + b"1" * 1000 + b"'}]}",
    "nothing": b"",
    "blanks": b" \n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_table_that_cannot_be_read_costs_nothing_and_is_named(
    take: Take, what: str, notes: list[str]
) -> None:
    data = MALFORMED[what]
    found = take(files("submission_1/x.ipynb", "submission_2/x.ipynb") | {YML: data})
    assert [submission.student for submission in found] == ["submission_1-x", "submission_2-x"]
    (note,) = notes
    assert f"{YML} is ignored, so file names tell whose the files are: it " in note
    assert "nested more deeply" in note or "deep" not in what


@pytest.mark.parametrize("data", OF_NOBODY.values(), ids=OF_NOBODY.keys())
def test_a_table_that_tells_of_nobody_costs_nothing(take: Take, data: bytes, notes: list[str]) -> None:
    found = take(files("submission_1/x.ipynb", "submission_2/x.ipynb") | {YML: data})
    assert [submission.student for submission in found] == ["submission_1-x", "submission_2-x"]
    assert notes == []


def test_merges_of_merges_do_not_blow_up() -> None:
    levels = "".join(f"l{n}: &l{n}\n  <<: [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert gradescope(f"l0: &l0 {{a: b}}\n{levels}".encode(), {"submission_1"}) == {}


def test_a_text_is_not_multiplied_by_those_who_point_at_it() -> None:
    """`*long` is one text however often it stands there, and no id is made of it."""
    rows = "".join(f"submission_{n}: {{':submitters': [{{':sid': *long}}]}}\n" for n in range(1000))
    table = f"x: &long {'y' * (1 << 20)}\n{rows}"
    assert gradescope(table.encode(), {f"submission_{n}" for n in range(1000)}) == {}


PLANTED = {
    "a file": (["anna.ipynb", "mallory.ipynb"], "anna.ipynb: {':submitters': [{':sid': mallory}]}"),
    "a file named like a folder": (["submission_1", "x.ipynb"], metadata(submission_1="M/mallory//")),
    "a folder of the student's": (["anna/x.ipynb", "ben/x.ipynb"], metadata(anna="M/mallory//")),
    "a number of another alphabet": (["submission_\u0661/x.ipynb", "b/x.ipynb"], "submission_\u0661: {':submitters': [{':sid': mallory}]}"),
    "words behind the number": (["submission_1 anna/x.ipynb", "b/x.ipynb"], "submission_1 anna: {':submitters': [{':sid': mallory}]}"),
    "a folder that is not there": (["anna.ipynb", "ben.ipynb"], metadata(submission_1="M/mallory//")),
}  # fmt: skip


@pytest.mark.parametrize(("names", "table"), PLANTED.values(), ids=PLANTED.keys())
def test_a_table_that_a_student_put_there_names_nobody_s_files(
    take: Take, names: list[str], table: str
) -> None:
    found = take(files(*names) | {YML: table.encode()})
    assert len(found) == 2
    assert "mallory" not in {Path(s.path).stem: s.student for s in found if "mallory" not in s.path}.values()


def test_the_outermost_table_beside_gradescope_s_folders_is_the_only_one(take: Take) -> None:
    inner = "submission_1/submission_2"
    content = files(f"{inner}/x.ipynb") | {
        YML: metadata(submission_9="Ben Ode/1018//").encode(),
        f"submission_1/{YML}": metadata(submission_2="Anna No/1017//").encode(),
    }
    assert [submission.student for submission in take(content)] == ["x"]


def test_a_table_counts_where_there_is_none_further_out(take: Take) -> None:
    content = files("submission_1/submission_2/x.ipynb")
    content |= {f"submission_1/{YML}": metadata(submission_2="Anna No/1017//").encode()}
    assert [submission.student for submission in take(content)] == ["1017"]


def test_an_id_keeps_its_zeros_and_ruby_s_objects_are_read_past() -> None:
    table = (
        "submission_1:\n  :submitters:\n  - :name: Anna\n    :sid: 0017\n"
        "  :created_at: !ruby/object:ActiveSupport::TimeWithZone\n    utc: 2026-02-30 10:00:00 Z\n"
        "submission_2:\n  :submitters:\n  - :name: Ben\n    :sid: 0018\n"
        "  :created_at: !ruby/object:ActiveSupport::TimeWithZone\n    utc: &1 2026-02-01 10:00:00.5 Z\n    time: *1\n"
    )
    found = gradescope(table.encode(), {"submission_1", "submission_2"})
    assert [origin.student for origin in found.values()] == ["0017", "0018"]
    assert found["submission_1"].submitted is None
    moment = found["submission_2"].submitted
    assert moment is not None
    assert moment.isoformat() == "2026-02-01T10:00:00.500000+00:00"


def test_a_table_that_is_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    place = as_folder(tmp_path / "download", files("submission_1/x.ipynb", "submission_2/x.ipynb"))
    (tmp_path / "elsewhere").write_text(EXPORT)
    (place / YML).symlink_to(tmp_path / "elsewhere")
    assert collect([place], None, tmp_path)[0].student == "submission_1-x"
    (place / YML).unlink()
    os.mkfifo(place / YML)
    assert collect([place], None, tmp_path)[0].student == "submission_1-x"
