"""The command similar: programs that are alike, in a class and against other classes, years and published solutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.cli import output
from grader.cli.chosen import task_named
from grader.errors import UsageError, instead
from grader.files import write_atomic
from grader.gradebook.gradebook import reading
from grader.gradebook.standings import labels_of
from grader.report.clusters import ProgramGroup, clusters
from grader.report.page_renderer import PageRenderer
from grader.report.pages import SIMILAR, key_of_starter
from grader.report.programs import OwnedProgram, programs_against, programs_of
from grader.task.starter import load_starter
from grader.text import count, listed

if TYPE_CHECKING:
    from pathlib import Path

    from grader.cli.commands import SimilarOptions
    from grader.task.spec import Task


def similar(options: SimilarOptions) -> None:
    """Write a page of groups of similar programs; with --against, of those that have a part elsewhere."""
    task_id, programs = _own(options.folder, options.task)
    task = task_named(task_id, options.task_folder)
    if task is None:
        output.warn(
            f"the folder of the task {task_id} is not known, so an unchanged starter is compared as well: --task-folder"
        )
    others = _others(options, task_id, task)
    groups = clusters(
        [*programs, *others], key_of_starter(task), task.spec.title if task else task_id, task_id
    )
    if options.against:
        groups = [
            group for group in groups if len({member.program.origin == "" for member in group.members}) == 2
        ]
    path = options.out or options.folder / SIMILAR
    write_atomic(path, PageRenderer().render(SIMILAR, clusters=groups, back="").encode())
    if options.as_json:
        output.print_json({"out": str(path), "clusters": [_as_json(group) for group in groups]})
        return
    for group in groups:
        names = listed(group.names, output.LISTED)
        output.say(
            f"{names}: at least {group.percent} % like the earliest"
            if group.percent < 100
            else f"{names}: {'the same values' if group.of_files else 'the same but for names and comments'}"
        )
    are_files = any(program.is_file for program in programs)
    noun, likeness = ("file", "equal files") if are_files else ("program", "similar programs")
    compared = f"{count(len(programs), noun)}{f' against {len(others)}' * bool(options.against)}"
    output.say(f"{compared}: {count(len(groups), 'group')} of {likeness}; wrote {path}")


def _own(out: Path, wanted: str | None) -> tuple[str, list[OwnedProgram]]:
    """Return the task and its programs in the folder of results. Raises UsageError where no task is chosen or none fits."""
    with reading(out) as book:
        names = {row["student"]: row["name"] for row in book.leaderboard()}
        history = book.history()
    tasks = sorted({entry.result.task for entry in history})
    if wanted is not None and wanted not in tasks:
        raise UsageError(f"{out} has no results of {wanted!r}; {instead(wanted, tasks)}")
    chosen = [wanted] if wanted else tasks
    if len(chosen) != 1:
        raise UsageError(
            f"the gradebook holds several tasks; choose one: --task {' or '.join(tasks)}"
            if tasks
            else f"{out} holds no results"
        )
    return chosen[0], programs_of(
        out, [entry for entry in history if entry.result.task == chosen[0]], labels_of(names)
    )


def _others(options: SimilarOptions, task_id: str, task: Task | None) -> list[OwnedProgram]:
    starter = load_starter(task) if task else None
    others = []
    for path in options.against or []:
        if path.resolve() == options.folder.resolve():
            raise UsageError(
                f"--against {path} is the folder itself; without --against its programs are compared with each other"
            )
        if not path.exists():
            raise UsageError(f"--against {path} does not exist")
        others += programs_against(path, task_id, starter)
    return others


def _as_json(group: ProgramGroup) -> list[dict[str, Any]]:
    return [
        {
            "owner": member.program.owner,
            "origin": member.program.origin,
            "submitted": member.program.sent,
            "percent": member.percent,
            "same": member.same,
        }
        for member in group.members
    ]
