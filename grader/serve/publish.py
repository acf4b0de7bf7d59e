"""Put what students may see of each task into the contest's folder `public/`: the site itself knows no tasks."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from grader.contest.grading import handed_out_zip, task_of_contest
from grader.contest.store import PUBLIC
from grader.errors import UsageError
from grader.files import READ, reporting_os_errors, write_atomic
from grader.serve.public import PAGE, PublicTask
from grader.task.starter import load_starter
from grader.task.translation import starters

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.folder import Contest
    from grader.task.spec import Task


DATA_ZIP = "data.zip"


def publish_tasks(contest: Contest) -> None:
    """Write the statement and the starter of every task into `public/`, of a task of files also its data. Raises UsageError where a task cannot be read."""
    for named in contest.spec.tasks:
        task = task_of_contest(contest, named)
        folder = contest.store.folder / PUBLIC / named.id
        page = PublicTask(named.id, task.spec.title, task.spec.story, _statement(task), task.spec.hand_in)
        if not task.spec.runs_code:
            _write_changed(folder / DATA_ZIP, handed_out_zip(contest, named))
        _write_changed(folder / PAGE, json.dumps(asdict(page)).encode())
        for notebook in starters(task):
            with reporting_os_errors(READ, notebook):
                content = notebook.read_bytes()
            _write_changed(folder / notebook.name, content)


def _write_changed(path: Path, content: bytes) -> None:
    """Write a file that is not the same already: a site that starts again on a full disk shows what is there."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomic(path, content)


def _statement(task: Task) -> str:
    """Return the text of the starter before its first cell of code, as HTML in which no HTML of the text acts."""
    texts: list[str] = []
    cells: list[dict[str, Any]] = load_starter(task)["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            break
        texts.append("".join(cell["source"]))
    if not texts:
        raise UsageError(f"the starter of {task.id} begins with code; write the statement above it")
    body = "\n\n".join(texts).split("\n", 1)[-1]  # without the title, which the page shows itself
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return str(markdown.render(re.sub(r"\n## Setup\n.*", "", body, flags=re.DOTALL)))
