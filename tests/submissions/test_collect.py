"""Collecting submissions: good ones beside every kind of broken one, none of which costs the others anything."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.errors import GraderFault, StudentFault, UsageError, Verdict
from grader.notebooks.reading import MAX_BYTES, read_notebook
from grader.submissions.collect import Submission, collect, take_times
from grader.submissions.roster import Person, Roster

if TYPE_CHECKING:
    from collections.abc import Callable

    Take = Callable[..., list[Submission]]

GOOD = b'{"nbformat": 4, "cells": []}'


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Collect into a fresh work folder."""

    def collect_into(*paths: Path, pattern: str | None = None) -> list[Submission]:
        return collect(list(paths), pattern, tmp_path / "work")

    return collect_into


def put(path: Path, data: bytes = GOOD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return path


def reason(submission: Submission) -> str:
    """Return the sentence of the student's fault that a submission has: found when collected, or when read."""
    found = submission.fault
    if found is None:
        try:
            read_notebook(submission.data or b"")
        except StudentFault as fault:
            found = fault
    if found is None:
        return ""
    assert isinstance(found, StudentFault)
    assert found.verdict is Verdict.INVALID_NOTEBOOK
    assert "\n" not in found.message
    return found.message


# -- where submissions come from ---------------------------------------------------------------------------------


def test_a_notebook_is_a_submission_under_the_path_that_was_given(inbox: Path, take: Take) -> None:
    path = put(inbox / "anna.ipynb")
    (submission,) = take(path)
    assert (submission.path, submission.student, submission.data) == (str(path), "anna", GOOD)
    assert submission.fault is None
    assert (submission.submitted, submission.late, submission.person) == (None, False, None)


def test_a_folder_gives_its_notebooks_by_name_and_nothing_else(inbox: Path, take: Take) -> None:
    for name in ("b.ipynb", "a.IPYNB", "sub/c.ipynb", ".d.ipynb", ".git/e.ipynb"):
        put(inbox / name)
    put(inbox / "notes.txt", b"Remember the milk.")
    put(inbox / ".ipynb_checkpoints" / "a-checkpoint.ipynb")
    put(inbox / "__MACOSX" / "._b.ipynb")
    assert [submission.student for submission in take(inbox)] == ["a", "b", "c"]


def test_a_zip_gives_its_notebooks_by_name_and_nothing_else(inbox: Path, take: Take) -> None:
    members = ("b.ipynb", "sub/a.ipynb", "readme.md", "__MACOSX/._b.ipynb", ".ipynb_checkpoints/b.ipynb")
    path = zipped(inbox / "all.zip", dict.fromkeys(members, GOOD) | {"readme.md": b"# Read me"})
    found = take(path)
    assert [submission.path for submission in found] == [f"{path}/b.ipynb", f"{path}/sub/a.ipynb"]
    assert [submission.data for submission in found] == [GOOD, GOOD]


def test_the_order_is_that_of_the_paths(inbox: Path, take: Take) -> None:
    late, early = put(inbox / "z.ipynb"), zipped(inbox / "a.zip", {"m.ipynb": GOOD})
    assert [submission.student for submission in take(late, early)] == ["z", "m"]


def test_a_file_that_two_paths_lead_to_is_taken_once(inbox: Path, take: Take) -> None:
    path = put(inbox / "anna.ipynb")
    assert len(take(inbox, path, path)) == 1


def test_data_are_read_late_and_a_file_that_has_gone_is_our_fault(inbox: Path, take: Take) -> None:
    path = put(inbox / "anna.ipynb")
    (submission,) = take(path)
    path.unlink()
    with pytest.raises(GraderFault, match="can no longer be read"):
        assert submission.data


def test_bytes_can_be_given_without_a_file() -> None:
    submission = Submission(path="-", student="anna", data=b"x", fault=None)
    assert submission.data == b"x"


# -- what the caller gets wrong ----------------------------------------------------------------------------------


def test_a_missing_path_is_one_line(inbox: Path, take: Take) -> None:
    with pytest.raises(UsageError, match=r"no\.ipynb does not exist$"):
        take(inbox / "no.ipynb")


def test_a_path_below_a_file_or_of_endless_length_is_one_line(inbox: Path, take: Take) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        take(put(inbox / "anna.ipynb") / "task.ipynb")
    with pytest.raises(UsageError, match="cannot be read: File name too long"):
        take(inbox / ("x" * 300))


def test_an_empty_folder_is_one_line(inbox: Path, take: Take) -> None:
    put(inbox / "notes.txt", b"Remember the milk.")
    with pytest.raises(UsageError, match=r"inbox contains no notebooks$"):
        take(inbox)


def test_an_empty_folder_with_a_pattern_is_one_line(inbox: Path, take: Take) -> None:
    with pytest.raises(UsageError, match=r"inbox contains no notebooks$"):
        take(inbox, pattern=r"(\w+)")


PATTERNS = {
    "no expression": ("(", "is not a regular expression"),
    "no group": (r"\d+", "needs a group"),
    "no match": (r"^(\d+)_", "matches none of the paths, such as 'anna.ipynb'"),
}


@pytest.mark.parametrize(("pattern", "says"), PATTERNS.values(), ids=PATTERNS.keys())
def test_a_pattern_that_cannot_work_is_one_line(inbox: Path, take: Take, pattern: str, says: str) -> None:
    put(inbox / "anna.ipynb")
    with pytest.raises(UsageError, match=says):
        take(inbox, pattern=pattern)


# -- who a submission is from ------------------------------------------------------------------------------------

STUDENTS: dict[str, tuple[list[str], str | None, list[str]]] = {
    "file names": (["anna.ipynb", "ben.ipynb"], None, ["anna", "ben"]),
    "equal names in folders": (
        ["anna/task.ipynb", "ben/task.ipynb", "cleo.ipynb"],
        None,
        ["anna-task", "ben-task", "cleo"],
    ),
    "equal names in equal folders": (
        ["1/x/task.ipynb", "2/x/task.ipynb"],
        None,
        ["x-task", "x-task-2"],
    ),
    "a group": (["hw_17.ipynb", "hw_18.ipynb"], r"hw_(\d+)", ["17", "18"]),
    "a named group": (["A-anna.ipynb"], r"(A|B)-(?P<student>\w+)", ["anna"]),
    "canvas": (
        ["noanna_LATE_123_456_task.ipynb", "noben_124_457_task.ipynb"],
        r"^[^_]+_(?:LATE_)?(\d+)_\d+_",
        ["123", "124"],
    ),
    "moodle": (
        ["Anna No_77_assignsubmission_file/task.ipynb", "Ben No_78_assignsubmission_file/task.ipynb"],
        r"^(.+)_\d+_assignsubmission_file/",
        ["Anna No", "Ben No"],
    ),
    "two attempts of one": (["anna/1.ipynb", "anna/2.ipynb"], r"^(\w+)/", ["anna", "anna"]),
    "some match": (["17_x.ipynb", "anna.ipynb"], r"^(\d+)_", ["17", "anna"]),
    "an empty group": (["_x.ipynb"], r"^(\d*)_", ["_x"]),
    "a name that is a path": (["anna.ipynb"], r"(.*)", ["anna.ipynb"]),
    "a name of dots": (["a..b.ipynb"], r"(\.\.)", ["unnamed"]),
}


@pytest.mark.parametrize(("names", "pattern", "students"), STUDENTS.values(), ids=STUDENTS.keys())
def test_the_student_comes_from_the_path(
    inbox: Path, take: Take, names: list[str], pattern: str | None, students: list[str]
) -> None:
    found = take(zipped(inbox / "all.zip", dict.fromkeys(names, GOOD)), pattern=pattern)
    assert sorted(submission.student for submission in found) == sorted(students)


def test_a_student_id_never_acts_as_a_path_or_garbles_a_terminal(inbox: Path, take: Take) -> None:
    put(inbox / "a" / "x..\\..\\evil\x1b[2J\n.ipynb")
    found = take(inbox, pattern=r"(?s)x(.*)")
    assert found[0].student.isprintable()
    assert found[0].path.isprintable()
    assert not set(found[0].student) & set("/\\")
    assert not found[0].student.startswith(".")


def test_a_name_that_is_no_text_can_still_be_written_as_utf_8(inbox: Path, take: Take) -> None:
    put(Path(os.fsdecode(os.fsencode(inbox) + b"/gr\xfcn.ipynb")))
    (submission,) = take(inbox)
    assert submission.student.encode() == b"gr_n"
    assert submission.path.encode().endswith(b"gr?n.ipynb")


# -- broken files ------------------------------------------------------------------------------------------------


def huge(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(200 << 20)
    return path


def symlink(path: Path) -> Path:
    path.symlink_to(put(path.parent.parent / "elsewhere.ipynb"))
    return path


def symlink_to_a_folder(path: Path) -> Path:
    path.symlink_to(put(path.parent.parent / "others" / "secret.ipynb").parent)
    return path


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "200 MB": (huge, "The file has 200.0 MB; a notebook may have at most 20 MB."),
    "a link": (symlink, "symbolic link"),
    "a link to nowhere": (lambda path: path.symlink_to("/nowhere"), "symbolic link"),
    "a link to a folder": (symlink_to_a_folder, "symbolic link"),
    "a pipe": (os.mkfifo, "not a regular file"),
    "NUL bytes": (lambda path: put(path, GOOD + b"\0"), "NUL bytes"),
    "a renamed zip": (lambda path: zipped(path, {"a.ipynb": GOOD}), "zip archive"),
    "nothing": (lambda path: put(path, b""), "empty"),
}


@pytest.mark.parametrize(("make", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_says_why_and_costs_the_others_nothing(
    inbox: Path, take: Take, make: Callable[[Path], object], says: str
) -> None:
    put(inbox / "anna.ipynb")
    make(inbox / "broken.ipynb")
    put(inbox / "cleo.ipynb")
    first, broken, last = take(inbox)
    assert says in reason(broken)
    assert broken.student == "broken"
    assert reason(first) == reason(last) == ""


def test_a_link_given_by_itself_is_not_followed(inbox: Path, take: Take) -> None:
    (submission,) = take(symlink(inbox / "broken.ipynb"))
    assert "symbolic link" in reason(submission)


def test_a_folder_given_by_itself_may_be_a_link(inbox: Path, tmp_path: Path, take: Take) -> None:
    put(inbox / "anna.ipynb")
    (tmp_path / "link").symlink_to(inbox)
    assert len(take(tmp_path / "link")) == 1


def test_a_large_file_is_not_read_whole(inbox: Path, take: Take) -> None:
    path = put(inbox / "grows.ipynb")
    (submission,) = take(path)
    huge(path)
    assert len(submission.data or b"") == MAX_BYTES + 1
    assert "at most 20 MB" in reason(submission)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_our_fault(inbox: Path, take: Take) -> None:
    put(inbox / "anna.ipynb").chmod(0)
    (submission,) = take(inbox)
    assert isinstance(submission.fault, GraderFault)


# -- broken zips; each of their kinds is in test_archive.py --------------------------------------------------------


def test_a_broken_zip_says_why_and_costs_the_others_nothing(inbox: Path, take: Take) -> None:
    bad, good = take(put(inbox / "broken.zip"), put(inbox / "anna.ipynb"))
    assert "cannot be read as a zip" in reason(bad)
    assert bad.student == "broken"
    assert reason(good) == ""


def test_a_bad_member_of_a_zip_costs_the_others_nothing(inbox: Path, take: Take) -> None:
    path = zipped(inbox / "all.zip", {"../evil.ipynb": GOOD, "anna.ipynb": GOOD, "ben.ipynb": b"no JSON"})
    evil, anna, ben = take(path)
    assert (evil.path, evil.student) == (f"{path}/../evil.ipynb", "evil")
    assert "climbs out" in reason(evil)
    assert reason(anna) == ""
    assert "not JSON" in reason(ben)


def test_times_of_the_roster_are_for_who_sent_one_file_and_never_replace_the_platforms() -> None:
    people = [Person("1", "Ada"), Person("2", "Ben"), Person("3", "Cy")]
    roster = Roster(people, times=dict.fromkeys(people, "2026-03-01 10:00"))
    known = "2026-02-01T10:00:00.000+00:00"
    submissions = [
        Submission("ada.ipynb", "1", b"", person=people[0]),
        Submission("ben.ipynb", "2", b"", person=people[1]),
        Submission("ben-2.ipynb", "2", b"", person=people[1]),
        Submission("cy.ipynb", "3", b"", person=people[2], submitted=known),
        Submission("dee.ipynb", "dee", b""),
    ]
    assert take_times(submissions, roster, UTC) == []
    times = [submission.submitted for submission in submissions]
    assert times == ["2026-03-01T10:00:00.000+00:00", None, None, known, None]
