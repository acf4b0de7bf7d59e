"""Statements in other languages: `notebook.de.md` beside `notebook.py` holds its Markdown cells in German.

Each text stands below a line `<!-- cell 3: 1a2b3c4d -->`: the number of the Markdown cell, from 1, and the hash of the English
text that it translates, so that a later change of the English is noticed. A cell without a text stays English. The story of
task.toml, which pages show beside the title, stands below `<!-- story: 1a2b3c4d -->`; the title is the heading of cell 1.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.files import READ, reporting_os_errors
from grader.task.template import fill_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grader.task.spec import Task

LANGUAGE = "language"  # of a notebook, in our metadata
_FILE = re.compile(r"notebook\.([a-z]{2})\.md")
_HEAD = re.compile(r"^<!-- (?:cell ([1-9]\d{0,2})|story): ([0-9a-f]{8}) -->[ \t]*\n?", re.MULTILINE)
_STORY = 0  # beside the numbers of cells
_MOST_CELLS = 999
_TITLE = re.compile(r"^# +(\S.*)$", re.MULTILINE)


def languages(folder: Path) -> list[str]:
    """Return the languages, as two letters, that the task in `folder` has statements in beside English."""
    found = (_FILE.fullmatch(path.name) for path in folder.glob("notebook.*.md"))
    return sorted(match[1] for match in found if match)


def starter_in(task: Task, language: str) -> Path:
    """Return where the starter notebook of a task in another language is."""
    return task.starter.with_name(f"{task.id}.{language}.ipynb")


def starters(task: Task) -> list[Path]:
    """Return the starter notebooks of a task: the English one, and then one for each other language."""
    return [task.starter, *(starter_in(task, language) for language in languages(task.folder))]


def mark_of(text: str) -> str:
    """Return the hash of an English text, white space aside."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]


def translated(folder: Path, language: str, texts: Sequence[str]) -> list[str]:
    """Return the Markdown cells `texts` of a notebook in a language, those without translation as they are.

    Raises UsageError where the file of the language cannot be read as such.
    """
    translations = _read(folder, language, len(texts))
    return [
        translations[number][1] if number in translations else text for number, text in enumerate(texts, 1)
    ]


def drift(task: Task, language: str, texts: Sequence[str]) -> list[str]:
    """Return a sentence for the story and each Markdown cell that has no translation, or was changed since it was translated.

    Raises UsageError as `translated` does.
    """
    translations, problems = _read(task.folder, language, len(texts)), []
    for number, text in enumerate([task.spec.story, *texts]):
        name = f"Markdown cell {number}" if number else "the story"
        head = f"<!-- {f'cell {number}' if number else 'story'}: {mark_of(text)} -->"
        if number not in translations:
            problems.append(f"notebook.{language}.md lacks {name}: write it below {head}")
        elif translations[number][0] != mark_of(text):
            problems.append(
                f"{name[0].upper()}{name[1:]} was changed since notebook.{language}.md: translate it again, below {head}"
            )
    return problems


def title_in(task: Task, language: str) -> str:
    """Return the title of a task in a language, in English where it has none there. Raises UsageError as `translated` does."""
    if language not in languages(task.folder):
        return task.spec.title
    _, text = _read(task.folder, language, _MOST_CELLS).get(1, ("", ""))
    heading = _TITLE.search(text)
    return fill_markdown(heading[1].strip(), task) if heading else task.spec.title


def story_in(task: Task, language: str) -> str:
    """Return the story of a task in a language, in English where it has none there. Raises UsageError as `translated` does."""
    if language not in languages(task.folder):
        return task.spec.story
    _, text = _read(task.folder, language, _MOST_CELLS).get(_STORY, ("", task.spec.story))
    return text


def _read(folder: Path, language: str, count: int) -> dict[int, tuple[str, str]]:
    """Return the hash and the text of each translation by the number of its cell, that of the story under 0."""
    path = folder / f"notebook.{language}.md"
    with reporting_os_errors(READ, path):
        above, *parts = _HEAD.split(path.read_text(encoding="utf-8"))
    if above.strip():
        raise UsageError(f"{path} must begin with a line such as <!-- cell 1: {mark_of('')} -->")
    translations: dict[int, tuple[str, str]] = {}
    for digits, mark, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        number = int(digits) if digits else _STORY
        if number > count or number in translations:
            name = f"cell {number}" if number else "the story"
            raise UsageError(
                f"{path}: {name} is there twice, or is none of the {count} Markdown cells of notebook.py"
            )
        translations[number] = mark, text.strip()
    return translations
