"""Whatever somebody sent is a submission, or named in a note: zips in zips, notebooks under other names, no notebooks."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from downloaded import GOOD, as_folder, as_zip, metadata

from grader.errors import Verdict
from grader.submissions.collect import Submission, collect
from grader.submissions.kinds import Wanted
from grader.submissions.roster import Person, Roster

if TYPE_CHECKING:
    from pathlib import Path

    Files = dict[str, bytes]

RAR = b"Rar!\x1a\x07\x01\x00" + bytes(40)
PDF = b"%PDF-1.7 a report"
PROGRAM = b"def your_weights(targets, losses):\n    return losses\n"


def packed(members: Files) -> bytes:
    """Return the bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return buffer.getvalue()


def taken(path: Path, roster: Roster | None = None) -> tuple[dict[str, str], list[str]]:
    """Return how each student's submission begins, "good" or the sentence against it, and the notes."""
    notes: list[str] = []
    submissions = collect([path], None, path.parent / "work", roster, on_note=notes.append)
    return {submission.student: beginning(submission) for submission in submissions}, notes


def beginning(submission: Submission) -> str:
    if submission.fault is None:
        assert submission.data == GOOD
        return "good"
    assert submission.fault.verdict is Verdict.INVALID_NOTEBOOK  # type: ignore[union-attr]
    return str(submission.fault.message)  # type: ignore[union-attr]


CANVAS: Files = {
    "lovelaceada_71_90001_notebook.ipynb": GOOD,
    "hoppergrace_72_90002_notebook.zip": packed({"work/nb.ipynb": GOOD, "__MACOSX/._nb.ipynb": b"x"}),
    "turingalan_73_90003_notebook.rar": RAR,
    "noetheremmy_74_90004_notebook.py": PROGRAM,
    "curiemarie_75_90005_notebook.ipynb.txt": GOOD,
    "bohrniels_76_90006_report.pdf": PDF,
    "bohrniels_76_90007_notebook.ipynb": GOOD,
}
MOODLE: Files = {
    "Ada Lovelace_17_assignsubmission_file/nb.ipynb": GOOD,
    "Grace Hopper_18_assignsubmission_file/all.zip": packed({"inner.zip": packed({"a/b.ipynb": GOOD})}),
    "Alan Turing_19_assignsubmission_file/nb.ipynb.json": GOOD,
    "Emmy Noether_20_assignsubmission_file/page.html": b"<html></html>",
}
GRADESCOPE: Files = {
    "submission_metadata.yml": metadata(
        submission_1="Ada/s1/a@x/2026-11-01 10:00:00 Z",
        submission_2="Grace/s2/g@x/2026-11-01 10:00:00 Z",
        submission_3="Alan/s3/t@x/2026-11-01 10:00:00 Z",
    ).encode(),
    "submission_1/nb.ipynb": GOOD,
    "submission_2/work.zip": packed({"nb.ipynb": GOOD}),
    "submission_3/solution.py": PROGRAM,
}


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_everybody_whom_canvas_names_has_a_submission(pack: object, tmp_path: Path) -> None:
    students, notes = taken(pack(tmp_path / "class", CANVAS))  # type: ignore[operator]
    assert students.pop("turingalan_73").startswith("This is a rar archive, not a notebook.")
    assert students.pop("noetheremmy_74").startswith("This is a Python program, not a notebook.")
    assert students == dict.fromkeys(
        ["lovelaceada_71", "hoppergrace_72", "curiemarie_75", "bohrniels_76"], "good"
    )
    (note,) = notes
    assert "skipped 1 file" in note
    assert "bohrniels_76_90006_report.pdf" in note


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_everybody_whom_moodle_names_has_a_submission(pack: object, tmp_path: Path) -> None:
    students, notes = taken(pack(tmp_path / "class", MOODLE))  # type: ignore[operator]
    assert students.pop("Emmy Noether_20").startswith("This is a web page, not a notebook.")
    assert set(students.values()) == {"good"}
    assert len(students) == 3
    assert notes == []


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_everybody_whom_gradescope_names_has_a_submission(pack: object, tmp_path: Path) -> None:
    students, notes = taken(pack(tmp_path / "export", GRADESCOPE))  # type: ignore[operator]
    assert students.pop("s3").startswith("This is a Python program")
    assert students == {"s1": "good", "s2": "good"}
    assert notes == []


def test_a_file_named_after_somebody_of_the_roster_is_theirs(tmp_path: Path) -> None:
    roster = Roster(
        [Person("1001", "Ada Lovelace"), Person("1002", "Grace Hopper"), Person("1003", "Alan Turing")]
    )
    content = {
        "ada lovelace.ipynb": GOOD,
        "1002.docx": b"PK\x03\x04",
        "slides.pdf": PDF,
        "1003.zip": packed({"x": GOOD}),
    }
    students, notes = taken(as_folder(tmp_path / "class", content), roster)
    assert students.pop("1002").startswith("This is an Office document")
    assert students == {"1001": "good", "1003": "good"}
    assert "skipped 1 file" in notes[0]
    assert "slides.pdf" in notes[0]


def test_where_nobody_says_who_sent_it_a_file_is_named_in_one_note(tmp_path: Path) -> None:
    content = {"anna.ipynb": GOOD} | {f"data/{number}.csv": b"a,b" for number in range(7)}
    students, notes = taken(as_folder(tmp_path / "class", content))
    assert students == {"anna": "good"}
    assert notes == ["skipped 7 files that are not notebooks: data/0.csv, data/1.csv, data/2.csv and 4 more"]


def test_a_zip_of_which_a_file_was_taken_is_not_skipped(tmp_path: Path) -> None:
    content = {"1001.ipynb": GOOD, "1002.zip": packed({"solution.py": PROGRAM}), "notes.txt": b"x"}
    students, notes = taken(as_folder(tmp_path / "class", content), Roster([Person("1001"), Person("1002")]))
    assert students.pop("1002").startswith("This is a Python program")
    assert notes == ["skipped 1 file that is not a notebook: notes.txt"]


def test_a_bomb_in_a_students_zip_costs_only_them(tmp_path: Path) -> None:
    content = {
        "lovelaceada_71_90001_nb.ipynb": GOOD,
        "hoppergrace_72_90002_nb.zip": packed({"a.ipynb": bytes(300 << 20)}),
        "turingalan_73_90003_nb.zip": b"PK\x03\x04 cut off",
    }
    students, _ = taken(as_zip(tmp_path / "class", content))
    assert students["lovelaceada_71"] == "good"
    assert "zip bomb" in students["hoppergrace_72"]
    assert "cannot be read as a zip" in students["turingalan_73"]


def test_zips_are_opened_three_deep_and_no_deeper(tmp_path: Path) -> None:
    deep = packed({"nb.ipynb": GOOD})
    for _ in range(2):
        deep = packed({"more.zip": deep})
    assert taken(as_zip(tmp_path / "2" / "two", {"anna.zip": packed({"nb.ipynb": GOOD})}))[0] == {
        "nb": "good"
    }
    students, _ = taken(as_zip(tmp_path / "4" / "four", {"a.zip": deep}))
    assert students == {"four": "The archive contains no notebook."}


def named(raw: bytes, *, extra: bytes = b"") -> bytes:
    """Return a zip with one notebook whose name is `raw`, not marked as UTF-8."""
    name = "x" * len(raw)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        info = zipfile.ZipInfo(name)
        info.extra = extra
        opened.writestr(info, GOOD)
    return buffer.getvalue().replace(name.encode(), raw)


def unicode_path(raw: bytes, name: str) -> bytes:
    body = struct.pack("<BI", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


ZOE = Roster(
    [
        Person("2001", "Zo\u00eb M\u00fcller"),
        Person("2002", "\u0141ukasz \u017bak"),
        Person("2003", "Ada Lovelace"),
    ]
)
NAMES = {
    "a Mac: UTF-8, decomposed": ("Zoe\u0308 Mu\u0308ller.ipynb".encode(), b"", "2001"),
    "UTF-8, composed": ("Zo\u00eb M\u00fcller.ipynb".encode(), b"", "2001"),
    "UTF-8, letters that are no accents": ("\u0141ukasz \u017bak.ipynb".encode(), b"", "2002"),
    "Info-ZIP's extra field": (
        b"?ukasz ?ak.ipynb",
        unicode_path(b"?ukasz ?ak.ipynb", "\u0141ukasz \u017bak.ipynb"),
        "2002",
    ),
    "an extra field of another name": (b"Ada Lovelace.ipynb", unicode_path(b"other", "Eve.ipynb"), "2003"),
    "code page 437": ("Zo\u00eb M\u00fcller.ipynb".encode("cp437"), b"", "2001"),
    "code page 850": ("Zo\u00eb M\u00fcller.ipynb".encode("cp850"), b"", "2001"),
}


@pytest.mark.parametrize(("raw", "extra", "student"), NAMES.values(), ids=NAMES.keys())
def test_a_name_in_a_zip_is_read_as_its_packer_meant_it(
    raw: bytes, extra: bytes, student: str, tmp_path: Path
) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(named(raw, extra=extra))
    assert taken(path, ZOE)[0] == {student: "good"}


def test_a_name_that_nobody_can_read_for_sure_is_named_in_a_note(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(named("\u0141ukasz.ipynb".encode("cp1250")))
    _, notes = taken(path)
    assert len(notes) == 1
    assert "1 name may be garbled" in notes[0]


def test_a_name_without_accents_is_no_note(tmp_path: Path) -> None:
    assert taken(as_zip(tmp_path / "class", {"anna.ipynb": GOOD}))[1] == []


def test_whoever_forgets_to_pack_their_predictions_costs_nobody_else_theirs(tmp_path: Path) -> None:
    wanted = Wanted("answers.zip", 1 << 20, frozenset({"labels.csv", "boxes.json"}))
    sent = {
        "Ada Lovelace_17_assignsubmission_file/answers.zip": packed({"labels.csv": b"", "boxes.json": b""}),
        "Grace Hopper_18_assignsubmission_file/labels.csv": b"",
    }
    (tmp_path / "class.zip").write_bytes(packed(sent))
    collected = collect([tmp_path / "class.zip"], None, tmp_path / "work", wanted=wanted)
    faults = {submission.student: submission.fault for submission in collected}
    assert faults.pop("Ada Lovelace_17") is None
    assert "This is another file, not answers.zip" in str(faults.pop("Grace Hopper_18"))
    assert not faults
