"""The command choose: the attempt of a student that counts, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.cli import output
from grader.cli.chosen import reason_from, row_of
from grader.errors import UsageError
from grader.gradebook.gradebook import Choice, reading, writing
from grader.grading.batch import write_csv
from grader.text import listed, points_text

if TYPE_CHECKING:
    from grader.cli.commands import ChooseOptions


def choose(options: ChooseOptions) -> None:
    """Record which attempt of a student counts, or leave it to the rule of the task again; nothing is overwritten."""
    if options.withdraw == (options.attempt is not None):
        raise UsageError("give either --attempt or --withdraw")
    reason = reason_from(options.because)
    out = options.out
    with reading(out) as book:
        before = row_of(book.leaderboard(), options.student, options.task, out)
        graded = [entry for entry in book.current() if entry.result.task == before["task"]]
    task, student = before["task"], before["student"]
    attempts = [entry.attempt for entry in graded if entry.result.student == student]
    if options.attempt is not None and options.attempt not in attempts:
        raise UsageError(
            f"{student} has no attempt {options.attempt}; there are: {listed([str(number) for number in attempts])}"
        )
    if options.withdraw and before["chosen"] is None:
        raise UsageError(f"no attempt of {student} was chosen")
    with writing(out) as book:
        book.choose(Choice(task, student, options.attempt, reason))
        row = row_of(book.leaderboard(), student, task, out)
    write_csv(out)
    if options.as_json:
        names = ("task", "student", "name", "attempt", "attempts", "points", "chosen", "choice")
        output.print_json({name: row[name] for name in names} | {"before": before["attempt"]})
        return
    output.say(
        f"{student}: attempt {row['attempt']} of {row['attempts']} counts, {points_text(row['points'])}"
    )
