"""Somebody else's CSV file: single cells change, every other byte stays."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.export.csv_file import Worksheet, read_number, write_number

PATH = Path("sheet.csv")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=8)
LINES = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
MARKS = {
    "plain": (b"", "utf-8"),
    "utf-8 with a mark": (codecs.BOM_UTF8, "utf-8"),
    "utf-16 little": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16 big": (codecs.BOM_UTF16_BE, "utf-16-be"),
}


def sheet(text: str) -> Worksheet:
    return Worksheet(PATH, text.encode())


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@given(
    st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=4),
    st.sampled_from(list(LINES.values())),
    TEXT,
)
def test_a_changed_cell_leaves_every_other_as_it_was(rows: list[list[str]], end: str, new: str) -> None:
    head = "a,b,c" + end
    lines = [",".join(map(quoted, row)) + end for row in rows]
    found = sheet(head + "".join(lines))
    assert found.as_bytes() == (head + "".join(lines)).encode(), "nothing changed, nothing moved"
    if not found.rows:
        return
    row = found.rows[-1]
    at = row - 1
    found.put(row, 1, new)
    changed = [*lines[:at], ",".join(map(quoted, [rows[at][0], new, rows[at][2]])) + end, *lines[at + 1 :]]
    assert found.as_bytes() == (head + "".join(changed)).encode()
    assert found.value(row, 1) == new.strip()


@pytest.mark.parametrize("end", LINES.values(), ids=LINES.keys())
@pytest.mark.parametrize(("mark", "encoding"), MARKS.values(), ids=MARKS.keys())
def test_encoding_mark_and_line_ends_stay(mark: bytes, encoding: str, end: str) -> None:
    text = f'Name;"Größe"{end}Zoë;"1;2"{end}{end}Łukasz;'
    found = Worksheet(PATH, mark + text.encode(encoding))
    assert found.header == ["Name", "Größe"]
    assert [found.value(row, 0) for row in found.rows] == ["Zoë", "Łukasz"]
    assert found.as_bytes() == mark + text.encode(encoding)
    found.put(found.rows[1], 1, "ü")
    assert found.as_bytes() == mark + (text + "ü").encode(encoding)


def test_a_cell_is_quoted_if_it_was_or_has_to_be() -> None:
    found = sheet('a,b,c\n1,"2",3\n')
    for column, text in enumerate(["x", "y", 'say "z", twice']):
        found.put(found.rows[0], column, text)
    assert found.as_bytes() == b'a,b,c\nx,"y","say ""z"", twice"\n'


def test_a_row_that_is_too_short_gets_the_cells_it_lacks() -> None:
    found = sheet("a,b,c\n1\n")
    assert found.value(found.rows[0], 2) == ""
    found.put(found.rows[0], 2, "x")
    assert found.as_bytes() == b"a,b,c\n1,,x\n"


def test_columns_are_found_whatever_their_capitals() -> None:
    found = sheet("Maximum Grade,x\n")
    assert (found.column("maximum grade"), found.column("y")) == (0, None)


@pytest.mark.parametrize(
    ("data", "words"),
    {
        "empty": (b"", "is empty"),
        "blank": (b"\n , \n", "is empty"),
        "latin-1": ("Zo\xeb".encode("latin-1"), "not in UTF-8"),
        "an open quote": (b'a,b\nc,"d\n', "line 2: not a row of CSV"),
        "a quote in the middle": (b'a,b\r\nc,"d"e\r\n', "line 2: not a row of CSV"),
    }.values(),
    ids=["empty", "blank", "latin-1", "an open quote", "a quote in the middle"],
)
def test_what_is_no_csv_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Worksheet(PATH, data)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Worksheet.read(tmp_path / "missing.csv")


def test_an_open_quote_of_a_megabyte_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="not a row"):
        sheet("a\n" + '"' + 'x""' * (1 << 19))


@pytest.mark.parametrize(
    ("text", "number"),
    [("100", 100), ("20.00", 20), ("12,5", 12.5), ("", None), ("(read only)", None), ("-1", None)],
)
def test_numbers_are_read_with_a_point_or_a_comma(text: str, number: float | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("value", "like", "text"),
    [
        (17, "20.00", "17.00"),
        (17, "20", "17"),
        (17.25, "20", "17.25"),
        (17.5, "20,0", "17,50"),
        (100, "", "100"),
    ],
)
def test_numbers_are_written_like_the_one_beside_them(value: float, like: str, text: str) -> None:
    assert write_number(value, like) == text
