"""The command rescore: new points for recorded results, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.cli.settings import hidden_data
from grader.grading.rescoring import apply_rescored, rescored
from grader.task.spec import load_task
from grader.text import count

if TYPE_CHECKING:
    from grader.cli.commands import RescoreOptions
    from grader.grading.rescoring import Rescored


def rescore(options: RescoreOptions) -> None:
    """Record and show what results become under today's task.toml and score.py; no student code runs."""
    task, out = load_task(options.task_name), options.out
    changed = rescored(out, task, lambda settings: hidden_data(task, out, settings))
    if not options.dry_run:
        apply_rescored(out, task, changed)
    if options.as_json:
        output.print_json([_as_json(change) for change in changed])
    else:
        for change in changed:
            output.say(_line(change))
        output.say(f"{count(len(changed), 'result')} {'would change' if options.dry_run else 'changed'}")


def _as_json(change: Rescored) -> dict[str, Any]:
    before, after = change.recorded.result, change.after
    return {
        "student": after.student,
        "before": before.points,
        "points": after.points,
        "verdict": after.verdict.value,
    }


def _line(change: Rescored) -> str:
    before, after = change.recorded.result, change.after
    earlier = "-" if before.points is None else before.points
    ending = f" ({before.verdict} -> {after.verdict})" if before.verdict is not after.verdict else ""
    values = (before.metrics, after.metrics)
    if not ending and before.points == after.points and all(values):
        return f"{after.student}: {values[0].metric.name} {values[0].text} -> {values[1].metric.name} {values[1].text}"  # type: ignore[union-attr]
    return f"{after.student}: {earlier} -> {after.points} points{ending}"
