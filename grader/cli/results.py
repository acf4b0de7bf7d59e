"""The command results: what a gradebook holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from grader.cli import output
from grader.errors import UsageError, instead
from grader.gradebook.gradebook import reading

if TYPE_CHECKING:
    from grader.cli.commands import ResultsOptions


def results(options: ResultsOptions) -> None:
    """List the result of each submission that counts, or the leaderboard."""
    with reading(options.out) as book:
        board = book.leaderboard()
        results_by_row = {entry.id: entry.result for entry in book.history()}
        recorded = book.history() if options.history else book.current()
        absences = book.absences()
    known = {entry.result.student for entry in recorded}
    if unknown := set(options.student or []) - known:
        raise UsageError(f"{options.out} has no student {min(unknown)!r}; {instead(min(unknown), known)}")
    if options.leaderboard:
        if options.history or options.identical:
            raise UsageError("--all and --identical do not go with --leaderboard")
        rows = [row for row in board if _chosen(row["student"], row["verdict"], options)]
        output.print_json(rows) if options.as_json else output.show_leaderboard(rows, results_by_row)
        return
    worth = {} if options.history else output.credits_by_file(board, recorded)
    programs = Counter((entry.key.context, entry.key.slot) for entry in recorded if entry.key.slot)
    chosen = [
        entry
        for entry in recorded
        if _chosen(entry.result.student, entry.result.verdict, options)
        and (not options.identical or programs[entry.key.context, entry.key.slot] > 1)
    ]
    if options.as_json:
        output.print_json(
            [
                output.result_json(entry.result, worth)
                | {"attempt": entry.attempt, "recorded": entry.recorded}
                for entry in chosen
            ]
        )
    else:
        names = {row["student"]: row["name"] for row in board}
        output.show_recorded(chosen, names, worth, times=options.history)
        for line in [] if options.student or options.verdict else output.absence_lines(absences):
            output.say(line)


def _chosen(student: str, verdict: str, options: ResultsOptions) -> bool:
    return (not options.student or student in options.student) and (
        not options.verdict or verdict in options.verdict
    )
