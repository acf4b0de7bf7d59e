"""The command behind `grader contest grades`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from grader.cli import output
from grader.contest.folder import open_folder
from grader.contest.grade_lines import grade_lines
from grader.contest.people import participant
from grader.errors import UsageError
from grader.serve.grade_sender import GradeSender, graded_platforms
from grader.text import count

if TYPE_CHECKING:
    from grader.cli import contest_commands as commands


def grades(options: commands.ContestGradesOptions) -> None:
    """Send what learning platforms should have, and show what they did not take; exit code 1 where that is something."""
    contest = open_folder(options.folder)
    platforms = graded_platforms(contest, "verdict", "command")
    if not platforms:
        raise UsageError(f"{contest.store.spec_file} names no platform that gets grades; add a table [[lti]]")
    sent = GradeSender(contest, platforms).send(everything=True)
    with contest.store.reading() as transaction:
        lines = grade_lines(transaction)
        names = {line.person: participant(transaction, line.person).name for line in lines}
    kept = [line for line in lines if line.problem]
    if options.as_json:
        output.print_json(
            {
                "sent": sent.sent,
                "kept": [
                    {
                        "person": line.person,
                        "task": line.task,
                        "failures": line.failures,
                        "problem": line.problem,
                    }
                    for line in kept
                ],
            }
        )
    else:
        for line in kept:
            output.complain(
                f"{names[line.person] or line.person}: {line.task or 'all tasks'}: {line.problem}"
            )
        output.say(f"{count(sent.sent, 'grade')} sent, {len(kept)} kept to be tried again")
    if kept:
        raise typer.Exit(1)
