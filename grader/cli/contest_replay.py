"""The command behind `grader contest replay`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from grader.cli import output
from grader.cli.settings import check_machine, local_engine
from grader.contest.evidence import gather_evidence
from grader.contest.folder import open_folder
from grader.contest.grading import GradingChoices, prepare_task
from grader.contest.replays import record_replay, replayable
from grader.text import count

if TYPE_CHECKING:
    from grader.cli import contest_commands as commands


def replay(options: commands.ContestReplayOptions) -> None:
    """Run a submission once more as evidence; exit code 1 where something differs or it cannot be run."""
    contest = open_folder(options.folder)
    with contest.store.reading() as transaction:
        task = replayable(transaction, options.number)["task"]
    graded = prepare_task(contest, contest.spec.task(task), GradingChoices(options.device))
    check_machine(graded.settings, graded.task)
    with closing(local_engine()) as engine:
        evidence = gather_evidence(
            contest.store, options.number, graded, engine=engine, on_notice=output.warn
        )
    with contest.store.writing() as transaction:
        record_replay(transaction, options.number, evidence, board=contest.spec.leaderboard)
    if options.as_json:
        output.print_json(asdict(evidence) | {"same": evidence.is_same})
    elif evidence.problem:
        output.complain(evidence.problem)
    elif evidence.is_same and not evidence.compared:
        output.say(f"submission {options.number}: ended in the same way, without predictions")
    elif evidence.is_same:
        output.say(f"submission {options.number}: {count(evidence.compared, 'repeat')} the same bit for bit")
        output.say(f"SHA-256 of the predictions: {evidence.predictions[0]}")
    else:
        output.say(f"submission {options.number} differs: {'; '.join(evidence.different) or 'points'}")
    if not evidence.is_same:
        raise typer.Exit(1)
