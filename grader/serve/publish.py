"""Put what students may see of each task into the contest's folder `public/`: the site itself knows no tasks."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from grader.contest.grading import handed_out_zip, task_of_contest
from grader.contest.store import PUBLIC
from grader.errors import UsageError
from grader.files import READ, reporting_os_errors, write_atomic
from grader.notebooks.reading import Json, is_code, source
from grader.serve.public import PAGE, PublicTask
from grader.task.starter import load_starter
from grader.task.translation import languages, starters, story_in, title_in

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.folder import Contest
    from grader.task.spec import Task


DATA_ZIP = "data.zip"
_SETUP = "## Setup"


def publish_tasks(contest: Contest) -> None:
    """Write the statement and the starter of every task into `public/`, of a task of files also its data. Raises UsageError where a task cannot be read."""
    for named in contest.spec.tasks:
        task = task_of_contest(contest, named)
        folder = contest.store.folder / PUBLIC / named.id
        page = _page(task, named.id)
        if not task.spec.runs_code:
            _write_changed(folder / DATA_ZIP, handed_out_zip(contest, named))
        _write_changed(folder / PAGE, json.dumps(asdict(page)).encode())
        for notebook in starters(task):
            with reporting_os_errors(READ, notebook):
                content = notebook.read_bytes()
            _write_changed(folder / notebook.name, content)


def _page(task: Task, name: str) -> PublicTask:
    """Return what the site shows of a task, in each language that it has a statement in."""
    starter = load_starter(task)
    above = _above_setup(starter, task)
    return PublicTask(
        name,
        task.spec.title,
        task.spec.story,
        _statement(starter, above),
        task.spec.hand_in,
        translations={
            language: {
                "title": title_in(task, language),
                "story": story_in(task, language),
                "statement": _statement(load_starter(task, language), above),
            }
            for language in languages(task.folder)
        },
    )


def _write_changed(path: Path, content: bytes) -> None:
    """Write a file that is not the same already: a site that starts again on a full disk shows what is there."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomic(path, content)


def _above_setup(starter: Json, task: Task) -> int:
    """Return how many cells the statement has: those above the first cell of code, without that which begins the set-up."""
    above = list(itertools.takewhile(lambda cell: not is_code(cell), starter["cells"]))
    if not above:
        raise UsageError(f"the starter of {task.id} begins with code; write the statement above it")
    setup = next((at for at, cell in enumerate(above) if source(cell).startswith(_SETUP)), len(above))
    return max(setup, 1)


def _statement(starter: Json, above: int) -> str:
    """Return the text of the first cells of a starter as HTML in which no HTML of the text acts."""
    texts = "\n\n".join(source(cell) for cell in starter["cells"][:above])
    body = texts.split("\n", 1)[-1]  # without the title, which the page shows itself
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return str(markdown.render(body))
