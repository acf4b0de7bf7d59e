"""Fill in the offline grading worksheet that Moodle gave, and nothing else of it.

Moodle finds a row by its Identifier and compares `Last modified (grade)` with what it has: a grade that somebody
changed after the download is not overwritten. So that column stays as Moodle wrote it. What is in `Feedback comments`
it shows as HTML, so the text is escaped. See mod/assign/feedback/offline of Moodle.
"""

from __future__ import annotations

import html
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import EXPLANATIONS, UsageError, Verdict
from grader.export.csv_file import read_number, write_number
from grader.export.matching import address
from grader.export.tables import Exported, scaled, ungraded
from grader.gradebook.result import neutralise
from grader.submissions import platforms
from grader.submissions.roster import Person, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.export.csv_file import Worksheet
    from grader.gradebook.result import Result
    from grader.gradebook.standings import Standing

NEEDED = ("Identifier", "Grade", "Maximum grade", "Grade can be changed", "Last modified (grade)")
COMMENTS = "Feedback comments"
_PARTICIPANT = (
    "Participant"  # and a number: what Moodle calls a student in a worksheet, and in names of folders
)


def fill(sheet: Worksheet, board: Sequence[Standing]) -> Exported:
    """Put points and comments into the rows of the students who have them.

    Points are scaled to the maximum grade. A row whose grade cannot be changed, and a comment that somebody else
    wrote, stay as they are. Raises UsageError where the worksheet lacks a column or grades on a scale of words.
    """
    _check_columns(sheet)
    people, keys = _people(sheet)
    addressed = address(people, keys, board, lambda standing: _number(standing, people, board))
    locked, kept, grades = [], [], 0
    for row, standing in addressed.rows.items():
        if standing.points is None:
            continue
        if folded(sheet.value(row, sheet.column("Grade can be changed"))) == "no":
            locked.append(standing.student)
            continue
        _put_grade(sheet, row, standing.points)
        grades += 1
        if not _put_comment(sheet, row, standing):
            kept.append(standing.student)
    notes = [*addressed.notes, *ungraded(board)]
    if locked:
        notes.append(f"unchanged because the worksheet locks their grade: {', '.join(locked)}")
    if kept:
        notes.append(f"comments written by somebody else were kept: {', '.join(kept)}")
    if sheet.column(COMMENTS) is None:
        notes.append(f"the worksheet has no column {COMMENTS!r}, so nobody gets a comment")
    return Exported(sheet.as_bytes(), grades, notes)


def _check_columns(sheet: Worksheet) -> None:
    missing = [name for name in NEEDED if sheet.column(name) is None]
    if missing:
        raise UsageError(
            f"{sheet.path} is not a grading worksheet of Moodle: it has no column {', '.join(map(repr, missing))}; "
            "download it from the assignment with English as the language, and give it as it is"
        )


def _people(sheet: Worksheet) -> tuple[dict[Person, int], list[list[str]]]:
    """Return who is in which row, and the further keys of each. Raises UsageError where somebody has two rows."""
    name, email, number = (sheet.column(title) for title in ("Full name", "Email address", "ID number"))
    people: dict[Person, int] = {}
    keys = []
    for row in sheet.rows:
        identifier = sheet.value(row, sheet.column("Identifier"))
        person = Person(identifier or f"row {row}", sheet.value(row, name), sheet.value(row, email))
        if person in people:
            raise UsageError(f"{sheet.path} has {identifier!r} twice; keep one row")
        people[person] = row
        keys.append([sheet.value(row, number)])
    return people, keys


def _number(standing: Standing, people: dict[Person, int], board: Sequence[Standing]) -> str:
    """Return what Moodle calls a student, by the name of the folder in its download, or by the student id.

    A number alone may be anybody's; it is taken for Moodle's where the numbers of all students are.
    """
    parts = PurePosixPath(standing.path.replace("\\", "/")).parts
    origin = next(filter(None, map(platforms.moodle, parts)), None)
    if origin is not None:
        return f"{_PARTICIPANT} {origin.student.rpartition('_')[2]}"
    known = {folded(person.id) for person in people}
    if standing.student.isdecimal() and all(
        folded(f"{_PARTICIPANT} {row.student}") in known for row in board if row.student.isdecimal()
    ):
        return f"{_PARTICIPANT} {standing.student}"
    return standing.student.replace("_", " ")


def _put_grade(sheet: Worksheet, row: int, points: int) -> None:
    written = sheet.value(row, sheet.column("Maximum grade"))
    maximum = read_number(written)
    if not maximum:
        raise UsageError(
            f"{sheet.path}: the maximum grade {written!r} of {sheet.value(row, sheet.column('Identifier'))} "
            "is not a number above 0; set the assignment's grade to points"
        )
    column = sheet.column("Grade")
    if column is not None:
        sheet.put(row, column, write_number(scaled(points, maximum), written))


def _put_comment(sheet: Worksheet, row: int, standing: Standing) -> bool:
    """Put in a comment unless somebody else's is there; return whether that one may go."""
    column = sheet.column(COMMENTS)
    if column is None:
        return True
    earlier = sheet.value(row, column)
    if earlier and earlier.partition(":")[0] not in set(Verdict):
        return False
    if standing.result is not None:
        text = comment(standing.result, standing)
        sheet.put(row, column, neutralise(html.escape(text, quote=False)))
    return True


def comment(result: Result, standing: Standing) -> str:
    """Return one line for a student: the verdict, its sentence, and what it is worth."""
    sentences = " ".join(result.message.split()).rstrip(".") + "."
    if result.metrics is not None:
        metric = result.metrics.metric
        sentences += f" {metric.title} {metric.text(result.metrics.value)}, {standing.points} of 100 points."
    else:
        sentences += f" {EXPLANATIONS[result.verdict].help}"
    if standing.reason:
        sentences += f" Points: {standing.reason}."
    attempt = f" (attempt {standing.attempt} of {standing.attempts})" if standing.attempts > 1 else ""
    return f"{result.verdict}: {sentences}{attempt}"
