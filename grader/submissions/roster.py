"""Find the people of a course by whatever a platform calls them; a key that fits several of them fits nobody."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.text import count, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

# The more telling header comes first: in Canvas's table `ID` is Canvas's own number, `SIS User ID` the student's.
# Moodle writes its headers in the language of the site; those of four more languages are Moodle's own.
_HEADERS = {
    "id": (
        "student id", "student_id", "sis user id", "sid", "id number", "idnumber", "student number", "matriculation number",
        "matrikelnummer", "matrikelnr", "matrikelnr.", "id-nummer", "numer id", "numer albumu", "nr albumu", "indeks", "nr indeksu",
        "numer indeksu", "orgdefinedid", "numero d'identification", "numero de id", "id",
    ),
    "name": ("name", "full name", "fullname", "student", "student name", "vollstandiger name", "imie i nazwisko", "nazwisko i imie", "name, vorname", "nom complet"),
    "first": ("first name", "firstname", "first_name", "given name", "forename", "vorname", "imie", "prenom", "nombre"),
    "last": ("last name", "lastname", "last_name", "surname", "family name", "nachname", "nazwisko", "nom", "nom de famille", "apellido(s)", "apellidos"),
    "email": ("email", "email address", "e-mail", "e-mail address", "mail", "e-mail-adresse", "adres e-mail", "adresse de courriel", "direccion de correo"),
    "section": ("section", "group", "groups"),
    "team": ("team", "team name", "mannschaft", "equipe", "equipo", "druzyna", "zespol"),
    "submitted": ("submitted", "submission time", "last modified (submission)"),
}  # fmt: skip
_PEOPLE = {"id", "name", "first", "last", "email"}
# How Moodle writes a time into its grading worksheet, in English.
_TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M")
_SEARCHED_LINES = 10  # for the header: some programs write a title above it
_EXCELS_LINE = re.compile(r"sep=([,;\t])[,;]*")
_OTHER_KEY = "sis login id"  # finds a person, and is not shown
# Rows that platforms write among people: the second of Canvas's table, the last of Moodle's.
_NO_PERSON = {
    "points possible",
    "overall average",
    "average",
    "course average",
    "total",
    "number of students",
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel, then and now, and of LibreOffice
_EXCELS_TEXT = re.compile(r'="(.*)"')  # so that Excel keeps the zeros of a number
_WITHOUT_ACCENT = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
    }
)


@dataclass(frozen=True)
class Person:
    """Somebody who may hand in; a text is "" where it is unknown."""

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    team: str = ""

    def may_be_called(self, name: str) -> bool:
        """Return whether a word of this person's name is in `name`: a number alone may fit somebody by accident."""
        words = [squeezed(word) for word in _natural(self.name).split()]
        return not words or any(word in squeezed(name) for word in words if len(word) > 1)


class Roster:
    """The people who may hand in, and how to find them."""

    def __init__(
        self,
        people: Iterable[Person],
        other_keys: Iterable[Sequence[str]] = (),
        times: Mapping[Person, str] | None = None,
    ) -> None:
        """Take the people and, for each of them in their order, keys that are no part of a person.

        `times` has the text of when somebody submitted, where the table says so.
        """
        self.people = tuple(people)
        self.times = dict(times or {})
        self._exact: dict[str, set[int]] = {}
        self._squeezed: dict[str, set[int]] = {}
        for number, person in enumerate(self.people):
            local = person.email.rpartition("@")[0]
            for key in (folded(person.id), folded(person.email), folded(local), _natural(person.name)):
                self._exact.setdefault(key, set()).add(number)
            for key in _orders(person.name):
                self._squeezed.setdefault(key, set()).add(number)
        for number, keys in enumerate(other_keys):
            for key in keys:
                self._exact.setdefault(folded(key), set()).add(number)

    @classmethod
    def read(cls, path: Path, on_note: Callable[[str], None] = lambda _: None) -> Roster:
        """Read a table in CSV; `,`, `;` and tabs may part it, and lines may stand above the one that names its columns.

        A name may be in two columns. `on_note` gets a sentence on rows that name nobody. Raises UsageError for a file
        that cannot be read or decoded, lacks a header, or lists somebody twice.
        """
        rows = _rows(path, _text(path))
        header, columns = _header(path, rows)
        people, other_keys, lines, nobody = [], [], dict[str, int](), []
        times: dict[Person, str] = {}
        for line, row in rows:
            if len(row) > len(header):
                raise UsageError(f"{path}, line {line}: {len(row)} cells under a header of {len(header)}")
            person = _person({field: _cell(row, at[0]) for field, at in columns.items()})
            labels = {folded(text).rstrip(":0123456789 ") for text in (person.name, person.id)}
            if labels & _NO_PERSON:
                continue
            if not (person.id or person.name or person.email):
                nobody.append(str(line))
                continue
            _refuse_repeat(f"{path}, line {line}", line, person, lines)
            people.append(person)
            times[person] = _cell(row, columns["submitted"][0]) if "submitted" in columns else ""
            other_keys.append([_cell(row, number) for number in _others(header, columns)])
        if not people:
            raise UsageError(f"{path}: nobody is listed below the header")
        if nobody:
            on_note(
                f"{path}: {count(len(nobody), 'row')} without id, name and email, skipped: line {listed(nobody)}"
            )
        return cls(people, other_keys, {person: text for person, text in times.items() if text.strip("- ")})

    def find(self, *keys: str) -> Person | None:
        """Return the one person whom the keys fit, or None.

        A key is a student id, a name ("First Last", "Last, First" or Canvas's `lastfirst`), or an email address,
        whole or up to its @; case and accents do not count. A key that fits several people fits nobody, and keys
        that fit different people fit nobody together.
        """
        numbers = {number for key in keys for number in self._fit(key)}
        return self.people[numbers.pop()] if len(numbers) == 1 else None

    def _fit(self, key: str) -> set[int]:
        """Return the one number that a key fits, or nothing; a name as it is written tells more than squeezed."""
        name = _natural(key)
        numbers = self._exact.get(folded(key), set()) | self._exact.get(name, set()) if name else set()
        if " " not in name or not numbers:
            numbers = numbers | self._squeezed.get(squeezed(key), set())
        return numbers if len(numbers) == 1 else set()


def moment(text: str, zone: tzinfo | None) -> datetime | None:
    """Return the time that a table names, as ISO 8601 or as Moodle writes it in English, in UTC; else None.

    A time without a zone of its own is in `zone`; where there is none either, it is no time.
    """
    readers: list[Callable[[str], datetime]] = [datetime.fromisoformat]
    readers.extend(partial(_strptime, form=form) for form in _TIMES)
    for read in readers:
        with contextlib.suppress(ValueError):
            time = read(text.strip())
            time = time if time.tzinfo else time.replace(tzinfo=zone)
            return time.astimezone(UTC) if time.tzinfo else None
    return None


def _strptime(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 -- the caller knows the zone


def folded(text: str) -> str:
    """Return `text` without accents, capitals and superfluous spaces, so that two spellings compare equal."""
    apart = unicodedata.normalize("NFKD", text).casefold().translate(_WITHOUT_ACCENT)
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def squeezed(text: str) -> str:
    """Return `text` as Canvas squeezes names: without spaces and punctuation, here also folded."""
    return "".join(c for c in folded(text) if c.isalnum() or unicodedata.category(c).startswith("M"))


def _natural(name: str) -> str:
    """Return the folded name with what follows its comma in front: "Last, First" as "first last"."""
    last, _, first = folded(name).partition(",")
    return " ".join(f"{first} {last}".split())


def _orders(name: str) -> set[str]:
    """Return the squeezed forms of a name: nobody can tell at which word the family name begins."""
    words = _natural(name).split()
    return {squeezed("".join(words[start:] + words[:start])) for start in range(len(words))} - {""}


def _header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> tuple[list[str], dict[str, list[int]]]:
    """Return the row that names columns of people, and those; what stands above it is passed over."""
    first: list[str] = []
    for _, row in itertools.islice(rows, _SEARCHED_LINES):
        columns = _columns(row)
        if columns.keys() & _PEOPLE:
            return row, columns
        first = first or row
    shown = f"; it has: {listed(first, 8)}" if first else ""
    raise UsageError(f"{path}: the header must name a column id, name or email{shown}")


def _person(cells: dict[str, str]) -> Person:
    """Return the person of a row; a name in two columns is one, and a whole one counts before it.

    Beside a given name alone, what is called the name is that of the family, as in `Name;Vorname`.
    """
    whole, first = cells.get("name", ""), cells.get("first", "")
    if whole and first and "last" not in cells and folded(first) not in folded(whole):
        whole = f"{first} {whole}"
    name = whole or " ".join(filter(None, (first, cells.get("last"))))
    number = cells.get("id", "").removeprefix("#")  # Brightspace writes #1001, and means 1001
    return Person(number, name, cells.get("email", ""), cells.get("section", ""), cells.get("team", ""))


def _text(path: Path) -> str:
    with reporting_os_errors(READ, path):
        data = path.read_bytes()
    if data.startswith(_WORKBOOKS):
        raise UsageError(f"{path} is a workbook, not a table in CSV; save it as CSV UTF-8")
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # what Excel calls Unicode text
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: not UTF-8; save the table as CSV UTF-8") from error


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line number, without blank rows and empty cells at the end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for row in reader:
            cells = [_EXCELS_TEXT.sub(r"\1", cell.strip()) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: not a row of CSV: {error}") from error


def _delimiter(text: str) -> str:
    """Return what parts the cells: what Excel's own first line `sep=;` says, else what most of the first lines have."""
    lines = [line for line in text.split("\n", _SEARCHED_LINES)[:_SEARCHED_LINES] if line.strip()]
    if lines and (match := _EXCELS_LINE.fullmatch(lines[0].strip())):
        return match[1]
    return max(",;\t", key=lambda mark: max((line.count(mark) for line in lines), default=0))


def _columns(header: list[str]) -> dict[str, list[int]]:
    """Return the columns of each field, the most telling first."""
    names = [folded(name) for name in header]
    columns = {
        field: [names.index(alias) for alias in aliases if alias in names]
        for field, aliases in _HEADERS.items()
    }
    return {field: numbers for field, numbers in columns.items() if numbers}


def _others(header: list[str], columns: dict[str, list[int]]) -> list[int]:
    """Return the columns that hold keys besides the fields of a person: Canvas's own number, the login."""
    logins = [number for number, name in enumerate(header) if folded(name) == _OTHER_KEY]
    return columns.get("id", [])[1:] + logins


def _cell(row: list[str], number: int) -> str:
    return row[number] if number < len(row) else ""


def _refuse_repeat(where: str, line: int, person: Person, lines: dict[str, int]) -> None:
    """Raise UsageError where the id or the email address was seen before; names may repeat, people may not."""
    for what, value in (("id", person.id), ("email", person.email)):
        key = f"{what} {folded(value)}"
        if value and lines.setdefault(key, line) != line:
            raise UsageError(f"{where}: {what} {value!r} was already on line {lines[key]}")
