"""The command adjust: points that an instructor gives a student, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.cli import output
from grader.cli.chosen import reason_from, row_of
from grader.errors import UsageError
from grader.gradebook.gradebook import Adjustment, reading, writing
from grader.gradebook.standings import reason_of
from grader.grading.batch import write_csv
from grader.text import points_text

if TYPE_CHECKING:
    from grader.cli.commands import AdjustOptions


def adjust(options: AdjustOptions) -> None:
    """Record other points for a student than the graded ones, or take that back; nothing is overwritten."""
    if options.withdraw == (options.points is not None):
        raise UsageError("give either --points or --withdraw")
    reason = reason_from(options.because, "; the student reads it")
    out = options.out
    with reading(out) as book:
        before = row_of(book.leaderboard(), options.student, options.task, out)
    task, student = before["task"], before["student"]
    if options.withdraw and before["adjusted"] is None:
        raise UsageError(f"the points of {student} are not adjusted")
    with writing(out) as book:
        book.adjust(Adjustment(task, student, options.points, reason))
        row = row_of(book.leaderboard(), student, task, out)
    write_csv(out)
    if options.as_json:
        names = ("task", "student", "name", "points", "graded", "adjusted", "reason")
        output.print_json({name: row[name] for name in names} | {"before": before["points"]})
        return
    output.say(f"{student}: {points_text(before['points'])} -> {points_text(row['points'])}")
    output.say(reason_of(row) or "the graded points count again")
