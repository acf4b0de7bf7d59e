"""The command explain: one page that shows how the points of a student came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.cli.chosen import row_of, task_named
from grader.cli.grade import replayed
from grader.errors import UsageError
from grader.gradebook.gradebook import reading
from grader.gradebook.run_settings import RunSettings
from grader.gradebook.standings import standings
from grader.grading import rerun
from grader.report.appeal import Evidence, write_appeal
from grader.task.secret import kept_secret
from grader.task.seeds import PURPOSES, Seeds

if TYPE_CHECKING:
    from grader.cli.commands import ExplainOptions


def explain(options: ExplainOptions) -> None:
    """Write the page on a student's attempt that counts; with --replay, run it once more before."""
    out = options.folder
    with reading(out) as book:
        board = book.leaderboard()
        row = row_of(board, options.student, options.task, out)
        history = {entry.id: entry for entry in book.history()}
        rule, adjustments = book.late_rule(row["task"]), book.adjustments(row["task"], row["student"])
    counting = history[row["result"]]
    executed = history.get(counting.identical_to or counting.id, counting)
    task = task_named(row["task"], options.task_folder)
    if options.replay:
        if task is None:
            raise UsageError(f"the folder of the task {row['task']} is not known; give it with --task-folder")
        replayed(out, task, executed)
    run = rerun.executing_run(out, executed)
    evidence = Evidence(
        standing=standings([row], {counting.id: counting.result})[row["task"]][0],
        results=_until(
            counting.id, [entry for entry in history.values() if entry.submission == counting.submission]
        ),
        executed=executed,
        run=run,
        rule=rule,
        adjustments=adjustments,
        seeds=_seeds(out, row["task"], run["settings"]),
        replays=rerun.replays_of(out, executed.result),
    )
    path = options.out or out / "explanations" / f"{row['task']}-{row['student']}.html"
    write_appeal(path, out, evidence, task, language=options.language)
    if options.as_json:
        output.print_json(
            {"out": str(path), "student": row["student"], "points": row["points"], "graded": row["graded"]}
        )
    else:
        output.say(f"wrote {path}")


def _until(counting: int, entries: list[Any]) -> list[Any]:
    """Return the results of a submission in the order of time, with the one that counts last."""
    return sorted(entries, key=lambda entry: (entry.id == counting, entry.id))


def _seeds(out: Path, task: str, settings: dict[str, Any]) -> list[dict[str, int]]:
    """Return the seeds of each repeat by purpose, derived from the secret of the run; nothing where it is elsewhere."""
    run = RunSettings.from_json(settings)
    secret = kept_secret(out, Path(run.secret_file) if run.secret_file else None)
    if secret is None:
        return []
    seeds = Seeds.of(secret, task, run.seed_version)
    return [{purpose: seeds.derive(purpose, number) for purpose in PURPOSES} for number in range(run.repeats)]
