"""Taking notebooks out of zips: bombs, links, climbing paths and damage are refused with a sentence."""

from __future__ import annotations

import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from grader.errors import GraderFault, StudentFault, Verdict
from grader.submissions import archive
from grader.submissions.archive import Member, read_member, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = b'{"nbformat": 4, "cells": []}'


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return path


def reasons(path: Path) -> list[str]:
    """Return why each member was refused, in order of name; "" for a good one that was copied as it is."""
    members = unpack(path, path.with_suffix(".unpacked"))
    assert all(member.fault or (member.file and member.file.read_bytes() == GOOD) for member in members)
    return [reason(member.fault) for member in members]


def reason(fault: StudentFault | None) -> str:
    if fault is None:
        return ""
    assert fault.verdict is Verdict.INVALID_NOTEBOOK
    assert "\n" not in fault.message
    return fault.message


def refusal(path: Path) -> str:
    """Return why the whole archive was refused."""
    with pytest.raises(StudentFault) as caught:
        unpack(path, path.with_suffix(".unpacked"))
    return reason(caught.value)


def test_good_notebooks_are_copied_to_numbered_files(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "all.zip", {"b.ipynb": GOOD, "a/x.IPYNB": GOOD, "c.txt": b"", ".h/d.ipynb": GOOD}
    )
    place = tmp_path / "place"
    first, second, other = unpack(path, place)
    assert first == Member("a/x.IPYNB", place / "2.ipynb", None)
    assert second == Member("b.ipynb", place / "1.ipynb", None)
    assert (other.name, other.file, other.notebook) == ("c.txt", None, False)


CLIMBS = ["../evil.ipynb", "a/../../evil.ipynb", "/etc/evil.ipynb", "..\\evil.ipynb", "C:\\evil.ipynb"]


@pytest.mark.parametrize("name", CLIMBS)
def test_a_path_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    found = reasons(zipped(tmp_path / "all.zip", {name: GOOD, "good.ipynb": GOOD}))
    assert sorted(found) == ["", "The path of this file climbs out of the archive."]
    assert not list(tmp_path.parent.rglob("*evil*"))


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as opened:
        opened.writestr(link, "/etc/passwd")
        opened.writestr("good.ipynb", GOOD)
    good, bad = reasons(tmp_path / "all.zip")
    assert good == ""
    assert "symbolic link" in bad


def test_a_large_member_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", {"big.ipynb": b" " * (30 << 20), "good.ipynb": GOOD})
    big, good = reasons(path)
    assert "The file has 30.0 MB" in big
    assert good == ""
    assert [file.stat().st_size for file in tmp_path.rglob("*.ipynb")] == [len(GOOD)]


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {f"{number}.ipynb": b" " * (15 << 20) for number in range(8)})
    assert "zip bomb: 120 MB packed into 0.1 MB" in refusal(path)


def test_notebooks_of_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", len(GOOD))
    path = zipped(tmp_path / "all.zip", {"a.ipynb": GOOD, "b.ipynb": GOOD})
    assert "Unpack it and give the folder" in refusal(path)


def test_very_many_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "many.zip", {f"{number}.txt": b"" for number in range(archive.MAX_MEMBERS + 1)})
    assert "lists more than 10000 files" in refusal(path)


def test_a_huge_table_of_contents_is_refused_unread(tmp_path: Path) -> None:
    size = 100 << 20
    with (tmp_path / "table.zip").open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65534, 65534, size, 0, 0))
    assert "lists more than 10000 files" in refusal(tmp_path / "table.zip")


ENDLESS = {
    "folders": "a/" * 60 + "x.ipynb",
    "folders of another system": "a\\" * 60 + "x.ipynb",
    "one name": "x" * 5_000 + ".ipynb",
    "folders of something else": "a/" * 30_000 + "x.txt",
}


@pytest.mark.parametrize("name", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_path_without_an_end_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "long.zip", {name: GOOD, "good.ipynb": GOOD})
    assert "a path of more than 50 folders or 4096 characters" in refusal(path)


def test_one_member_is_read_no_further_than_asked_and_not_from_a_bomb(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.yml": b"x" * 5_000})
    assert read_member(path, "a.yml", 100) == b"x" * 101
    assert read_member(path, "b.yml", 100) is None
    bomb = zipped(tmp_path / "b.zip", {"a.yml": b"x", "other": b" " * (archive.RATIO_FREE_BYTES + 1)})
    assert read_member(bomb, "a.yml", 100) is None


def encrypted(path: Path) -> None:
    data = bytearray(zipped(path, {"a.ipynb": GOOD}).read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


def with_a_wrong_checksum(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("a.ipynb", GOOD)
    path.write_bytes(path.read_bytes().replace(b"nbformat", b"nbforman"))


def with_an_unknown_compression(path: Path) -> None:
    data = bytearray(zipped(path, {"a.ipynb": GOOD}).read_bytes())
    data[data.rindex(b"PK\1\2") + 10] = data[8] = 99
    path.write_bytes(data)


def cut_off(path: Path) -> None:
    data = zipped(path, {"a.ipynb": GOOD}).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def no_zip(path: Path) -> None:
    path.write_bytes(GOOD)


BAD_MEMBERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "encrypted": (encrypted, "is encrypted"),
    "a wrong checksum": (with_a_wrong_checksum, "is damaged: Bad CRC-32"),
    "an unknown compression": (with_an_unknown_compression, "packed by an unusual method"),
}
BAD_ARCHIVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut off": (cut_off, "cannot be read as a zip"),
    "no zip": (no_zip, "cannot be read as a zip: File is not a zip file."),
}


@pytest.mark.parametrize(("make", "says"), BAD_MEMBERS.values(), ids=BAD_MEMBERS.keys())
def test_a_member_that_cannot_be_unpacked_says_why(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    make(tmp_path / "broken.zip")
    (found,) = reasons(tmp_path / "broken.zip")
    assert says in found


@pytest.mark.parametrize(("make", "says"), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES.keys())
def test_an_archive_that_cannot_be_read_says_why(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    make(tmp_path / "broken.zip")
    assert says in refusal(tmp_path / "broken.zip")


def test_a_disk_that_is_full_is_nobodys_zero(tmp_path: Path) -> None:
    """Rule 4: a failure of ours never becomes points."""
    import resource
    import signal

    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("large.ipynb", b" " * 200_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(GraderFault, match="cannot be unpacked"):
            unpack(archive, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_member_without_a_name_costs_the_others_nothing(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("nameless.ipynb", GOOD)
        opened.writestr("good.ipynb", GOOD)
    path.write_bytes(path.read_bytes().replace(b"nameless", b"\0ameless"))
    members = unpack(path, tmp_path / "work")
    assert [(member.name, member.fault) for member in members] == [("", None), ("good.ipynb", None)]
