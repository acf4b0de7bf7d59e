"""Write grades as Canvas's gradebook imports them: into its own export, or as a small table of one assignment.

Canvas looks for a student by `ID` (its own number), then by `SIS User ID`, then by `SIS Login ID`, then by name, and
reads a number from whatever stands in `ID`: a student id there would be somebody else's. So each row has the one key
that is sure. A blank cell leaves a grade, a value overwrites it. See lib/gradebook_importer.rb of Canvas.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.export.csv_file import read_number, write_number
from grader.export.matching import address
from grader.export.tables import Exported, scaled, table, ungraded
from grader.submissions import platforms
from grader.submissions.roster import Person, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.export.csv_file import Worksheet
    from grader.gradebook.standings import Standing

STUDENT_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "Points Possible"
_KEPT = {"ex", "n/a"}  # excused; not assigned
_TOTALS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
_ASSIGNMENT = re.compile(r"(?P<name>.*\S)\s*\((?P<id>\d+)\)", re.DOTALL)


def small_table(board: Sequence[Standing], assignment: str, points_possible: float | None) -> Exported:
    """Return a table of one assignment; with `points_possible`, which Canvas then sets, points are scaled to it.

    Raises UsageError where Canvas takes the name of the assignment for a total.
    """
    if _TOTALS.search(assignment):
        raise UsageError(
            f"--assignment {assignment!r}: Canvas takes such a column for a total and skips it; choose another name"
        )
    rows: list[list[str]] = [[*STUDENT_COLUMNS, assignment]]
    if points_possible is not None:
        rows.append([POINTS_POSSIBLE, "", "", "", "", write_number(points_possible, "")])
    grades = 0
    for standing in board:
        points = ""
        if standing.points is not None:
            points = write_number(scaled(standing.points, points_possible or 100), "")
            grades += 1
        rows.append([standing.name or standing.student, *_keys(standing), standing.section, points])
    return Exported(table(rows), grades, [*_guessed(board), *ungraded(board)])


def fill(sheet: Worksheet, board: Sequence[Standing], assignment: str) -> Exported:
    """Put points into the assignment's column of Canvas's own export, scaled to the points possible it names.

    Students who are excused, or were not assigned it, stay so. Raises UsageError where the file is not such an export,
    lacks the column, or has one that cannot be changed.
    """
    if sheet.column("Student") is None and sheet.column("LastName") is None:
        raise UsageError(
            f"{sheet.path} is not a grade export of Canvas: it has no column 'Student' or 'LastName'"
        )
    if sheet.column("ID") is None:
        raise UsageError(f"{sheet.path} is not a grade export of Canvas: it has no column 'ID'")
    column = _column_of(sheet, assignment)
    written, maximum = _points_possible(sheet, column)
    people, keys = _people(sheet)
    addressed = address(people, keys, board, lambda standing: f"canvas {_number(standing)}")
    kept, grades = [], 0
    for row, standing in addressed.rows.items():
        if standing.points is None:
            continue
        if folded(sheet.value(row, column)) in _KEPT:
            kept.append(standing.student)
            continue
        sheet.put(row, column, write_number(scaled(standing.points, maximum), written))
        grades += 1
    notes = [*addressed.notes, *ungraded(board)]
    if kept:
        notes.append(f"unchanged because they are excused or were not assigned it: {', '.join(kept)}")
    return Exported(sheet.as_bytes(), grades, notes)


def _keys(standing: Standing) -> tuple[str, str, str]:
    """Return the cells ID, SIS User ID and SIS Login ID, of which at most one is filled."""
    number = _number(standing)
    if number:
        return number, "", ""
    if "@" in standing.student:
        return "", "", standing.student
    return "", "" if standing.student == standing.name else standing.student, ""


def _number(standing: Standing) -> str:
    """Return Canvas's number of a student who is known by what Canvas wrote, in the name of their file or folder."""
    parts = PurePosixPath(standing.path.replace("\\", "/")).parts
    origins = (platforms.canvas(part) for part in parts)
    return next((origin.identity for origin in origins if origin and origin.student == standing.student), "")


def _guessed(board: Sequence[Standing]) -> list[str]:
    names = [
        row.student
        for row in board
        if not (row.name or row.email or row.section or "@" in row.student or _number(row))
    ]
    return [f"not in a roster, so Canvas may not know them: {', '.join(names)}"] if names else []


def _column_of(sheet: Worksheet, assignment: str) -> int:
    """Return the column of an assignment, given as "Name (id)", as its id or as its name."""
    titles = sheet.header
    parts = [_ASSIGNMENT.fullmatch(title) for title in titles]
    for fits in (
        [number for number, title in enumerate(titles) if title == assignment.strip()],
        [number for number, part in enumerate(parts) if part and assignment.strip() in part.groups()],
    ):
        if len(fits) == 1:
            return fits[0]
    known = ", ".join(title for title, part in zip(titles, parts, strict=True) if part) or "none"
    raise UsageError(f"{sheet.path} has no column for --assignment {assignment!r}; it has: {known}")


def _points_possible(sheet: Worksheet, column: int) -> tuple[str, float]:
    """Return the points possible as they are written, and as a number: 100 where Canvas names none."""
    for row in sheet.rows:
        if folded(_name(sheet, row)) == folded(POINTS_POSSIBLE):
            written = sheet.value(row, column)
            maximum = read_number(written)
            if written and maximum is None:
                raise UsageError(
                    f"{sheet.path}: the points possible of {sheet.header[column]!r} are {written!r}, not a number"
                )
            return written, maximum or 100
    return "", 100


def _name(sheet: Worksheet, row: int) -> str:
    """Return the name in a row; Canvas has it in one column or, as an option of its own, in two."""
    names = [
        sheet.value(row, column)
        for title in ("Student", "FirstName", "LastName")
        if (column := sheet.column(title)) is not None
    ]
    return " ".join(filter(None, names))


def _people(sheet: Worksheet) -> tuple[dict[Person, int], list[list[str]]]:
    """Return who is in which row, and the further keys of each.

    Canvas's own number is a student id only where the table has no other one. Raises UsageError where somebody has
    two rows.
    """
    number, sis, login = (sheet.column(title) for title in ("ID", "SIS User ID", "SIS Login ID"))
    people: dict[Person, int] = {}
    keys = []
    for row in sheet.rows:
        name, identity = _name(sheet, row), sheet.value(row, number)
        if not (identity or sheet.value(row, sis) or sheet.value(row, login)):
            continue  # points possible, and which assignments are posted by hand
        address_of = sheet.value(row, login)
        person = Person(f"canvas {identity or f'row {row}'}", name, address_of if "@" in address_of else "")
        if person in people:
            raise UsageError(f"{sheet.path} has {name!r} with the number {identity} twice; keep one row")
        people[person] = row
        keys.append([sheet.value(row, sis) if sis is not None else identity, address_of])
    return people, keys
