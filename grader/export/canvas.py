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
from grader.export.tables import Exported, Standing, scaled, table, ungraded
from grader.submissions import platforms
from grader.submissions.roster import Person, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.export.csv_file import Worksheet

STUDENT_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "Points Possible"
_KEPT = {"ex", "n/a"}  # excused; not assigned
_TOTALS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
_ASSIGNMENT = re.compile(r"(?P<name>.*\S)\s*\((?P<id>\d+)\)", re.DOTALL)


def small_table(found: Sequence[Standing], assignment: str, points_possible: float | None) -> Exported:
    """Return a table of one assignment; with `points_possible`, which Canvas then sets, points are scaled to it.

    Raises UsageError for the name of an assignment that Canvas takes for a total.
    """
    if _TOTALS.search(assignment):
        raise UsageError(
            f"--assignment {assignment!r}: Canvas takes such a column for a total and passes it over"
        )
    rows: list[list[str]] = [[*STUDENT_COLUMNS, assignment]]
    if points_possible is not None:
        rows.append([POINTS_POSSIBLE, "", "", "", "", write_number(points_possible, "")])
    grades = 0
    for standing in found:
        points = ""
        if standing.points is not None:
            points = write_number(scaled(standing.points, points_possible or 100), "")
            grades += 1
        rows.append([standing.name or standing.student, *_keys(standing), standing.section, points])
    return Exported(table(rows), grades, [*_guessed(found), *ungraded(found)])


def fill(sheet: Worksheet, found: Sequence[Standing], assignment: str) -> Exported:
    """Put points into the assignment's column of Canvas's own export, scaled to the points possible it names.

    Who is excused or has not been assigned it stays so. Raises UsageError where the file is no such export or has no
    such column, or one that cannot be changed.
    """
    for name in STUDENT_COLUMNS[:2]:
        if sheet.column(name) is None:
            raise UsageError(f"{sheet.path} is no grade export of Canvas: it has no column {name!r}")
    column = _column_of(sheet, assignment)
    written, most = _points_possible(sheet, column)
    people, keys = _people(sheet)
    addressed = address(people, keys, found, lambda standing: f"canvas {_number(standing)}")
    kept, grades = [], 0
    for row, standing in addressed.rows.items():
        if standing.points is None:
            continue
        if folded(sheet.value(row, column)) in _KEPT:
            kept.append(standing.student)
            continue
        sheet.put(row, column, write_number(scaled(standing.points, most), written))
        grades += 1
    notes = [*addressed.notes, *ungraded(found)]
    if kept:
        notes.append(f"left as they are, for they are excused or were not assigned it: {', '.join(kept)}")
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
    return next((one.identity for one in origins if one and one.student == standing.student), "")


def _guessed(found: Sequence[Standing]) -> list[str]:
    names = [
        one.student
        for one in found
        if not (one.name or one.email or one.section or "@" in one.student or _number(one))
    ]
    if not names:
        return []
    return [f"no roster says who they are, so Canvas may not know them: {', '.join(names)}"]


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
    there = ", ".join(title for title, part in zip(titles, parts, strict=True) if part) or "none"
    raise UsageError(f"{sheet.path} has no column for --assignment {assignment!r}; it has: {there}")


def _points_possible(sheet: Worksheet, column: int) -> tuple[str, float]:
    """Return the points possible as they are written, and as a number: 100 where Canvas names none."""
    for row in sheet.rows:
        if folded(sheet.value(row, sheet.column("Student"))) == folded(POINTS_POSSIBLE):
            written = sheet.value(row, column)
            most = read_number(written)
            if written and most is None:
                raise UsageError(f"{sheet.path}: the column {sheet.header[column]!r} is {written}")
            return written, most or 100
    return "", 100


def _people(sheet: Worksheet) -> tuple[dict[Person, int], list[list[str]]]:
    """Return who is in which row, and the further keys of each.

    Canvas's own number is a student id only where the table has no other one. Raises UsageError where somebody is
    there twice.
    """
    number, sis, login = (sheet.column(title) for title in ("ID", "SIS User ID", "SIS Login ID"))
    people: dict[Person, int] = {}
    keys = []
    for row in sheet.rows:
        name, identity = sheet.value(row, sheet.column("Student")), sheet.value(row, number)
        if not (identity or sheet.value(row, sis) or sheet.value(row, login)):
            continue  # points possible, and which assignments are posted by hand
        address_of = sheet.value(row, login)
        person = Person(f"canvas {identity or f'row {row}'}", name, address_of if "@" in address_of else "")
        if person in people:
            raise UsageError(f"{sheet.path} has {name!r} with the number {identity} twice")
        people[person] = row
        keys.append([sheet.value(row, sis) if sis is not None else identity, address_of])
    return people, keys
