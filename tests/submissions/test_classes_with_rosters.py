"""A class as a platform gives it, and its list as a platform or Excel wrote it: everybody who sent something is found."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from downloaded import GOOD, as_folder, metadata

from grader.submissions.collect import collect, strangers
from grader.submissions.roster import Roster

if TYPE_CHECKING:
    from pathlib import Path

    Files = dict[str, bytes]

ZOE, LUKASZ = "Zoë Müller", "Łukasz Żak"
PLAIN = f"Student ID,Name,Email\n2001,{ZOE},zoe@uni.example\n2002,{LUKASZ},lukasz@uni.example\n"
MOODLE: Files = {
    f"{ZOE}_15_assignsubmission_file/nb.ipynb": GOOD,
    f"{LUKASZ}_16_assignsubmission_file/nb.ipynb": GOOD,
}
CANVAS: Files = {"müllerzoë_71_90001_nb.ipynb": GOOD, "żakłukasz_72_90002_nb.ipynb": GOOD}
NOT_MARKED = 0x800  # the flag of a zip that says: names are UTF-8


def packed(content: Files) -> bytes:
    """Return the bytes of a zip as Windows and Linux write them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, data in content.items():
            opened.writestr(name, data)
    return buffer.getvalue()


def packed_by_a_mac(content: Files) -> bytes:
    """Return the bytes of a zip with decomposed names that are not marked, and a Mac's own files beside them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, data in content.items():
            raw = unicodedata.normalize("NFD", name)
            opened.writestr(f"class/{raw}", data)
            opened.writestr(f"__MACOSX/class/._{raw.replace('/', '_')}", b"\0\5\x16\7")
    unmarked = bytearray(buffer.getvalue())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = unmarked.find(sign)
        while at >= 0:
            flags = int.from_bytes(unmarked[at + offset : at + offset + 2], "little")
            unmarked[at + offset : at + offset + 2] = (flags & ~NOT_MARKED).to_bytes(2, "little")
            at = unmarked.find(sign, at + 1)
    return bytes(unmarked)


@dataclass(frozen=True)
class Course:
    """What an instructor has: the class list, and what was handed in, as a folder or as the bytes of a zip."""

    roster: str
    handed_in: Files | bytes
    notebooks: set[str]
    others: dict[str, str] = field(default_factory=dict)


COURSES = {
    "Moodle, and its grade export": Course(
        "First name,Last name,ID number,Institution,Department,Email address,Assignment: Toy (Real)\n"
        "Zoë,Müller,2001,,,zoe@uni.example,-\nŁukasz,Żak,2002,,,lukasz@uni.example,-\n",
        MOODLE,
        {"2001", "2002"},
    ),
    "Moodle, and Excel's first line": Course(
        f"\ufeffsep=;\r\nID;Name;Email\r\n2001;{ZOE};zoe@uni.example\r\n2002;{LUKASZ};lukasz@uni.example\r\n",
        MOODLE,
        {"2001", "2002"},
    ),
    "Moodle, in German": Course(
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse\nZoë;Müller;2001;zoe@uni.example\nŁukasz;Żak;2002;l@uni.example\n",
        MOODLE,
        {"2001", "2002"},
    ),
    "Moodle, packed anew on a Mac": Course(PLAIN, packed_by_a_mac(MOODLE), {"2001", "2002"}),
    "Canvas, packed anew on a Mac": Course(PLAIN, packed_by_a_mac(CANVAS), {"2001", "2002"}),
    "Canvas, and its export with names in two columns": Course(
        "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,Toy (5002),Final Score\n"
        "    Points Possible,,,,,,10.00,(read only)\nMüller,Zoë,71,2001,zoe,A,,\nŻak,Łukasz,72,2002,lukasz,A,,\n",
        CANVAS,
        {"2001", "2002"},
    ),
    "Canvas, with a zip and other files": Course(
        f"{PLAIN}2003,Ada Lovelace,ada@uni.example\n2004,Grace Hopper,grace@uni.example\n",
        {
            "lovelaceada_73_90003_notebook.ipynb": GOOD,
            "müllerzoë_71_90001_notebook.zip": packed({"work/nb.ipynb": GOOD}),
            "żakłukasz_72_90002_notebook.rar": b"Rar!\x1a\x07\x01\x00",
            "hoppergrace_74_90004_notebook.py": b"def your_weights(targets, losses):\n    return losses\n",
        },
        {"2001", "2003"},
        {"2002": "This is a rar archive", "2004": "This is a Python program"},
    ),
    "the same as Canvas's zip": Course(
        PLAIN,
        packed({
            "müllerzoë_71_90001_notebook.zip": packed({"nb.ipynb": GOOD}),
            "żakłukasz_72_90002_notebook.pdf": b"%PDF-1.7",
        }),
        {"2001"},
        {"2002": "This is a PDF"},
    ),
    "Gradescope, with a zip and a program": Course(
        PLAIN,
        {
            "submission_metadata.yml": metadata(
                submission_1=f"{ZOE}/'2001'/zoe@uni.example/2026-05-07 05:07:41 Z",
                submission_2=f"{LUKASZ}/'2002'/lukasz@uni.example/2026-05-07 05:07:42 Z",
            ).encode(),
            "submission_1/work.zip": packed({"nb.ipynb": GOOD}),
            "submission_2/solution.py": b"x = 1\n",
        },
        {"2001"},
        {"2002": "This is a Python program"},
    ),
    "files by name, one under another ending": Course(
        PLAIN, {f"{ZOE}.ipynb.txt": GOOD, "lukasz zak.json": GOOD}, {"2001", "2002"}
    ),
    "zips as a Mac names them": Course(
        PLAIN, {"2001.ipynb.zip": packed({"a.ipynb": GOOD}), f"{LUKASZ}.ipynb.zip": packed({"c.ipynb": GOOD})}, {"2001", "2002"}
    ),
    "archives that are not opened": Course(
        PLAIN,
        {"2001.ipynb": GOOD, "2002.tar.gz": b"\x1f\x8b\x08" + bytes(20), "slides.tar.gz": b"\x1f\x8b\x08"},
        {"2001"},
        {"2002": "This is a gzip archive"},
    ),
    "a zip for everybody in one folder": Course(
        PLAIN, {"2001.zip": packed({"a.ipynb": GOOD}), "2002.zip": packed({"b/c.ipynb": GOOD})}, {"2001", "2002"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES.keys())
def test_everybody_who_sent_something_is_found_in_the_class_list(course: Course, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(course.roster, encoding="utf-8")
    if isinstance(course.handed_in, bytes):
        path = tmp_path / "class.zip"
        path.write_bytes(course.handed_in)
    else:
        path = as_folder(tmp_path / "class", course.handed_in)
    roster = Roster.read(tmp_path / "roster.csv")
    submissions = collect([path], None, tmp_path / "work", roster)
    assert strangers(submissions) == []
    graded = {submission.student for submission in submissions if submission.fault is None}
    faults = {
        submission.student: str(submission.fault)
        for submission in submissions
        if submission.fault is not None
    }
    assert graded == course.notebooks
    assert faults.keys() == course.others.keys()
    for student, beginning in course.others.items():
        assert faults[student].startswith(beginning)
