"""Fuzzing of zips: one damaged in any way costs its own submissions at most, and no memory to speak of."""

from __future__ import annotations

import re
import struct
import tempfile
import time
import tracemalloc
import zipfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fuzzing import examples, kept, spliced
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import StudentFault, Verdict
from grader.notebooks.reading import MAX_BYTES
from grader.submissions.archive import read_member
from grader.submissions.collect import collect
from grader.submissions.platforms import METADATA

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

GOOD = b'{"nbformat": 4, "cells": []}'
RECORDS = {  # the parts of a zip, by their first bytes: the sizes of the fields that follow
    b"PK\3\4": "HHHHHLLLHH",
    b"PK\1\2": "BBBBHHHHLLLHHHHHLL",
    b"PK\5\6": "HHHHLLH",
    b"PK\6\6": "QHHLLQQQQ",
    b"PK\6\7": "LQL",
}
VALUES = [0, 1, 8, 9, 12, 14, 30, 0x7F, 0xFFFF, 1 << 31, 0xFFFF_FFFF, 1 << 62, 1 << 63, (1 << 64) - 1]
TRICKS = [  # (record, number of the field, value): a method, an offset of 64 bits, a size, a flag, a link
    *[(b"PK\1\2", 5, method) for method in (0, 1, 9, 12, 14, 93, 99)],
    *[(b"PK\1\2", 17, value) for value in (1, 0x7FFF_FFFF, 0xFFFF_FFFF)],
    *[(b"PK\1\2", number, value) for number in (9, 10) for value in (0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF)],
    *[(b"PK\1\2", 4, 1 << bit) for bit in (0, 3, 5, 6, 11)],
    (b"PK\1\2", 16, 0o120777 << 16),
    (b"PK\5\6", 4, 0x7FFF_FFFF),
    *[(b"PK\6\6", number, value) for number in (7, 8) for value in (1 << 62, 1 << 63, (1 << 64) - 1)],
]
SECONDS = 10
MOST_BYTES = 24 << 20  # a table of contents is read at once, and may have 8 MB


def packed(method: int) -> bytes:
    """Return a zip as a platform makes it, with an offset of 64 bits that does not count yet."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name in ("a/x.ipynb", "a/y.ipynb", f"a/{METADATA}", "\u00e9.ipynb", ".z/z.ipynb", "../c.ipynb"):
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.extra = struct.pack("<HHQ", 1, 8, 1 << 63)
            opened.writestr(info, GOOD + b" " * 3000 if name.endswith("x.ipynb") else GOOD)
        opened.comment = b"a comment"
    return file.getvalue()


def packed_large() -> bytes:
    """Return a zip with the records that one of more than 4 GB has."""
    data = packed(zipfile.ZIP_DEFLATED)
    end = data.rindex(b"PK\5\6")
    entries, size, start = struct.unpack_from("<H2L", data, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, start)
    return data[:end] + record + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + data[end:]


STORED, DEFLATED = packed(zipfile.ZIP_STORED), packed(zipfile.ZIP_DEFLATED)
RARE = {"_bz2": zipfile.ZIP_BZIP2, "_lzma": zipfile.ZIP_LZMA}  # not every Python has them
RARELY = [packed(method) for module, method in RARE.items() if find_spec(module)]
ZIPS = [STORED, DEFLATED, b"before" + DEFLATED, packed_large(), *RARELY]


@st.composite
def _fields(draw: DrawFn) -> tuple[bytes, int, int]:
    record = draw(st.sampled_from(sorted(RECORDS)))
    number = draw(st.integers(0, len(RECORDS[record]) - 1))
    return record, number, draw(st.sampled_from(VALUES) | st.integers(0, 1 << 16))


@st.composite
def zips(draw: DrawFn) -> bytes:
    """Return a zip in which up to five fields have a value that a program would not write."""
    data = bytearray(draw(st.sampled_from(ZIPS)))
    for _ in range(draw(st.integers(0, 5))):
        record, number, value = draw(st.sampled_from(TRICKS) | _fields())
        starts = [found.start() for found in re.finditer(re.escape(record), data)]
        layout = struct.Struct("<" + RECORDS[record][: number + 1])
        start = draw(st.sampled_from(starts)) + 4 if starts else len(data)
        if start + layout.size <= len(data):
            most = 1 << 8 * struct.calcsize("<" + RECORDS[record][number])
            layout.pack_into(data, start, *layout.unpack_from(data, start)[:-1], value % most)
    return draw(spliced(bytes(data))) if draw(st.integers(0, 3)) == 3 else bytes(data)


def check_archive(data: bytes) -> None:
    """A zip costs its own submissions at most, no memory to speak of, and writes where it should."""
    with tempfile.TemporaryDirectory() as place:
        path, work = Path(place, "all.zip"), Path(place, "work")
        path.write_bytes(data)
        begun = time.process_time()
        tracemalloc.start()
        try:
            found = collect([path], None, work)
            about = read_member(path, f"a/{METADATA}", 100)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert time.process_time() - begun < SECONDS
        assert most < MOST_BYTES
        assert len(about or b"") <= 101
        for submission in found:
            if submission.fault is None:
                assert len(submission.data or b"") <= MAX_BYTES
            else:
                assert isinstance(submission.fault, StudentFault)
                assert submission.fault.verdict is Verdict.INVALID_NOTEBOOK
                assert submission.fault.message.endswith(".")
                assert submission.fault.message.isprintable()
                assert len(submission.fault.message) < 400
        files = {file.relative_to(place).as_posix() for file in Path(place).rglob("*") if file.is_file()}
        assert all(re.fullmatch(r"all\.zip|work/0/\d+\.ipynb", file) for file in files)


@pytest.mark.slow
@examples(3)
@given(data=zips())
def test_any_damage_to_a_zip_is_the_students_fault_or_costs_one_file(data: bytes) -> None:
    with kept(data, ".zip"):
        check_archive(data)
