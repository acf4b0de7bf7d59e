"""Put what students may see of each task into the contest's folder `public/`, from where the site shows it.

public/TASK/task.json        title, story, and the statement as HTML
public/TASK/NAME             files to download: the starter, and whatever organisers put there
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from grader.contest.grading import task_of_contest
from grader.errors import UsageError
from grader.files import READ, reporting_os_errors, write_atomic
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.contest.folder import Contest
    from grader.contest.spec import ContestSpec
    from grader.task.spec import Task

FOLDER, _PAGE = "public", "task.json"
_NAME = re.compile(r"[\w.+-]+")  # of a file that can be downloaded


@dataclass(frozen=True)
class PublicTask:
    """What everybody in the contest may see of a task once it is open; `statement` is HTML, made from our own notebook."""

    id: str
    title: str
    story: str
    statement: str


def publish_tasks(contest: Contest) -> None:
    """Write the statement and the starter of every task into `public/`. Raises UsageError where a task cannot be read."""
    for named in contest.spec.tasks:
        task = task_of_contest(contest, named)
        folder = contest.store.folder / FOLDER / named.id
        page = PublicTask(named.id, task.spec.title, task.spec.story, _statement(task))
        write_atomic(folder / _PAGE, json.dumps(asdict(page)).encode())
        write_atomic(folder / task.starter.name, task.starter.read_bytes())


def public_tasks(folder: Path, spec: ContestSpec) -> dict[str, PublicTask]:
    """Return the published tasks of a contest's folder, in their order. Raises UsageError where one is missing."""
    tasks = {}
    for task in spec.tasks:
        path = folder / FOLDER / task.id / _PAGE
        with reporting_os_errors(READ, path, "start the site with: grader serve"):
            tasks[task.id] = PublicTask(**json.loads(path.read_text(encoding="utf-8")))
    return tasks


def public_files(folder: Path, task: str) -> dict[str, Path]:
    """Return the files of a task that can be downloaded, by name."""
    return {
        path.name: path
        for path in sorted((folder / FOLDER / task).iterdir())
        if path.is_file() and not path.is_symlink() and path.name != _PAGE and _NAME.fullmatch(path.name)
    }


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
