"""Read what students may see of each task from the contest's folder `public/`, which `publish.py` writes.

public/TASK/task.json        title, story, and the statement as HTML, also in other languages
public/TASK/NAME             files to download: the starter, and whatever organisers put there
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.contest.store import NOTEBOOK_ENDING, PUBLIC
from grader.files import READ, reporting_os_errors
from grader.languages import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grader.contest.spec import ContestSpec

PAGE = "task.json"
_NAME = re.compile(r"[\w.+-]+")  # of a file that can be downloaded


@dataclass(frozen=True)
class PublicTask:
    """What everybody in the contest may see of a task once it is open; `statement` is HTML, made from our own notebook.

    `hand_in` is the name of the file that is handed in. `translations` have title, story and statement in other languages.
    """

    id: str
    title: str
    story: str
    statement: str
    hand_in: str = "notebook.ipynb"
    language: str = ENGLISH
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def ending(self) -> str:
        """The ending of what is handed in, with its dot."""
        return PurePosixPath(self.hand_in).suffix

    @property
    def is_notebook(self) -> bool:
        """Whether a notebook is handed in; else it is a file of predictions."""
        return self.ending == NOTEBOOK_ENDING

    def in_language(self, language: str) -> PublicTask:
        """Return the task as it reads in a language; in English where it has no statement in that."""
        if language not in self.translations:
            return self
        texts = self.translations[language]
        return replace(
            self, language=language, title=texts["title"], story=texts["story"], statement=texts["statement"]
        )


def public_tasks(folder: Path, spec: ContestSpec) -> dict[str, PublicTask]:
    """Return the published tasks of a contest's folder, in their order. Raises UsageError where one is missing."""
    tasks = {}
    for task in spec.tasks:
        path = folder / PUBLIC / task.id / PAGE
        with reporting_os_errors(READ, path, "start the site with: grader serve"):
            tasks[task.id] = PublicTask(**json.loads(path.read_text(encoding="utf-8")))
    return tasks


def public_files(folder: Path, task: str) -> dict[str, Path]:
    """Return the files of a task that can be downloaded, by name."""
    return {
        path.name: path
        for path in sorted((folder / PUBLIC / task).iterdir())
        if path.is_file() and not path.is_symlink() and path.name != PAGE and _NAME.fullmatch(path.name)
    }
