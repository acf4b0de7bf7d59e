"""The command rescore: new points for recorded results, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.cli import output
from grader.grading import rerun
from grader.task.spec import load_task
from grader.text import count

if TYPE_CHECKING:
    from grader.cli.commands import RescoreOptions


def rescore(options: RescoreOptions) -> None:
    """Compute points under the score map that task.toml has now, from what was measured."""
    changed = rerun.rescore(options.out, load_task(options.task_name))
    if options.as_json:
        output.print_json(
            [{"student": now.student, "before": was.points, "points": now.points} for was, now in changed]
        )
        return
    for was, now in changed:
        output.say(f"{now.student}: {was.points} -> {now.points} points")
    output.say(f"{count(len(changed), 'result')} changed")
