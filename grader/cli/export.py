"""The command export: grades as another program reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from grader.cli import output
from grader.errors import UsageError
from grader.export import canvas, moodle, tables
from grader.export.csv_file import Worksheet
from grader.export.gradescope import DisplayOptions, results_of
from grader.files import write_atomic
from grader.gradebook.gradebook import reading
from grader.gradebook.standings import credits_of
from grader.submissions.roster import Roster
from grader.text import count

if TYPE_CHECKING:
    from pathlib import Path

    from grader.cli.commands import ExportOptions
    from grader.export.tables import Exported
    from grader.gradebook.standings import Standing

_FILE_NAMES = {
    "csv": "leaderboard.csv",
    "json": "leaderboard.json",
    "canvas": "canvas.csv",
    "moodle": "moodle.csv",
}


def export(options: ExportOptions) -> None:
    """Write the grades as a table, JSON, or for Gradescope, Canvas or Moodle."""
    _refuse_useless(options)
    roster = Roster.read(options.roster, output.warn) if options.roster else None
    standings = tables.read_standings(options.folder, options.task, roster)
    exports = options.folder / "exports"
    if options.to == "gradescope":
        target = options.out or exports / "gradescope"
        _answer(target, *_write_results(options, standings, target), as_json=options.as_json)
        return
    if options.to in ("canvas", "moodle"):
        tables.one_task(standings)
    exported = _exported(options, standings)
    target = options.out or exports / _FILE_NAMES[options.to]
    if options.worksheet and target.resolve() == options.worksheet.resolve():
        raise UsageError("--out would overwrite the worksheet; choose another file")
    write_atomic(target, exported.content)
    _answer(target, exported.grades, exported.notes, as_json=options.as_json)


def _refuse_useless(options: ExportOptions) -> None:
    """Refuse options that the format has no use for, and formats that lack one."""
    to, worksheet = options.to, options.worksheet
    if worksheet and to not in ("canvas", "moodle"):
        raise UsageError("--worksheet goes with --format canvas or moodle")
    if to == "moodle" and not worksheet:
        raise UsageError(
            "--format moodle fills in a table of Moodle's: download it from the assignment, then add --worksheet FILE"
        )
    if (options.assignment is None) == (to == "canvas"):
        raise UsageError('--format canvas and --assignment "Name (id)" go together')
    if options.points is not None and (worksheet or to not in ("canvas", "gradescope")):
        raise UsageError(
            "--points goes with --format gradescope, or canvas without a worksheet: others name the maximum"
        )


def _exported(options: ExportOptions, standings: list[Standing]) -> Exported:
    worksheet = Worksheet.read(options.worksheet) if options.worksheet else None
    if options.to == "moodle" and worksheet:
        return moodle.fill(worksheet, standings)
    if options.to == "canvas" and options.assignment:
        if worksheet:
            return canvas.fill(worksheet, standings, options.assignment)
        return canvas.small_table(standings, options.assignment, options.points)
    return tables.as_csv(standings) if options.to == "csv" else tables.as_json(standings)


def _write_results(options: ExportOptions, standings: list[Standing], target: Path) -> tuple[int, list[str]]:
    """Write a results.json for each attempt of each student; return how many have points, and what to note."""
    task, grades = tables.one_task(standings), 0
    display = DisplayOptions(options.points or 100, options.visibility)
    with reading(options.folder) as book:
        attempts = [attempt for attempt in book.current() if attempt.result.task == task]
        worth = credits_of(book.leaderboard(), attempts)
    for attempt in attempts:
        record = results_of(attempt.result, display, worth[attempt.id])
        path = target / attempt.result.student / f"attempt-{attempt.attempt}" / "results.json"
        write_atomic(path, (json.dumps(record, indent=2) + "\n").encode())
        grades += worth[attempt.id].points is not None
    return grades, tables.ungraded(standings)


def _answer(target: Path, grades: int, notes: list[str], *, as_json: bool) -> None:
    for note in notes:
        output.warn(note)
    if as_json:
        output.print_json({"out": str(target), "grades": grades, "notes": notes})
    else:
        output.say(f"wrote {target}: {count(grades, 'grade')}")
