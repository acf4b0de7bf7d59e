"""Change single cells of somebody else's CSV file, and leave every other byte of it as it is.

A platform takes a table back only as it was given: encoding, byte order mark, delimiter, quotes and line ends stay.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.submissions.roster import folded

if TYPE_CHECKING:
    from pathlib import Path

_MARK = "\ufeff"  # the byte order mark, once decoded
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_NUMBER = re.compile(r"\d{1,6}(?:[.,]\d{1,6})?")


@dataclass(frozen=True)
class _Line:
    """The cells of a line as they are written, quotes included, and how the line ends."""

    cells: list[str]
    end: str


class Worksheet:
    """A header and rows below it. `rows` are the numbers that `value` and `put` know a row by; blank lines have none."""

    def __init__(self, path: Path, data: bytes) -> None:
        """Take the bytes of the file `path`.

        Raises UsageError where they are no CSV in UTF-8, or in UTF-16 with a byte order mark.
        """
        self.path = path
        self._encoding = next((name for mark, name in _UTF16.items() if data.startswith(mark)), "utf-8")
        text = _decoded(path, data, self._encoding)
        self._mark = _MARK if text.startswith(_MARK) else ""
        text = text.removeprefix(_MARK)
        first = next((line for line in text.splitlines() if line.strip()), "")
        self._delimiter = max(",;\t", key=first.count)
        self._lines = _lines(path, text, self._delimiter)
        filled = [number for number, line in enumerate(self._lines) if any(map(str.strip, line.cells))]
        if not filled:
            raise UsageError(f"{path} is empty")
        self._top, *self.rows = filled

    @classmethod
    def read(cls, path: Path) -> Worksheet:
        """Read a file. Raises UsageError where it cannot be read or is no CSV."""
        with reporting_os_errors(READ, path):
            data = path.read_bytes()
        return cls(path, data)

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return [_value(raw).strip() for raw in self._lines[self._top].cells]

    def column(self, name: str) -> int | None:
        """Return the number of the column called `name`, whatever its capitals; None where there is none."""
        names = [folded(title) for title in self.header]
        return names.index(folded(name)) if folded(name) in names else None

    def value(self, row: int, column: int | None) -> str:
        """Return the text of a cell without the spaces around it; "" where there is no such column."""
        cells = self._lines[row].cells
        return _value(cells[column]).strip() if column is not None and column < len(cells) else ""

    def put(self, row: int, column: int, text: str) -> None:
        """Change the text of a cell; it is quoted if it was, or has to be."""
        cells = self._lines[row].cells
        cells += [""] * (column + 1 - len(cells))
        special = any(character in text for character in (self._delimiter, '"', "\n", "\r"))
        quoted = special or text != text.strip() or cells[column].startswith('"')
        cells[column] = '"' + text.replace('"', '""') + '"' if quoted else text

    def as_bytes(self) -> bytes:
        """Return the file."""
        text = "".join(self._delimiter.join(line.cells) + line.end for line in self._lines)
        return (self._mark + text).encode(self._encoding)


def read_number(text: str) -> float | None:
    """Return the number that a cell holds, written with a decimal point or comma; None for anything else."""
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def write_number(value: float, like: str) -> str:
    """Return `value` to two decimals with the decimal point or comma of `like`; with as few as it needs if that has none."""
    text = f"{value:.2f}"
    if not re.search(r"[.,]", like):
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", ",") if "," in like else text


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not in {encoding.upper()}; save it as CSV UTF-8") from error


def _lines(path: Path, text: str, delimiter: str) -> list[_Line]:
    """Cut a text into lines of cells; put together again they are the text."""
    mark = re.escape(delimiter)
    cell = re.compile(rf'("(?:[^"]|"")*+"|(?!")[^{mark}\r\n]*+)({mark}|\r\n|\r|\n|\Z)')
    lines: list[_Line] = []
    cells: list[str] = []
    position = 0
    while position < len(text) or cells:
        match = cell.match(text, position)
        if match is None:
            number = len(re.findall(r"\r\n|\r|\n", text[:position])) + 1
            raise UsageError(f"{path}, line {number}: not a row of CSV: a quote is in the wrong place")
        cells.append(match[1])
        position = match.end()
        if match[2] != delimiter:
            lines.append(_Line(cells, match[2]))
            cells = []
    return lines


def _value(raw: str) -> str:
    return raw[1:-1].replace('""', '"') if raw.startswith('"') else raw
