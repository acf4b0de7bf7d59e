"""Check that nothing of the template is left in a task that has become another one: advice to the author, other data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.files import READ, reporting_os_errors
from grader.findings import Finding, found
from grader.task.scaffold import template_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.lint.task.notebooks import Subject

_SOURCES = ("notebook.py", "data.py", "task.toml")
_ADVICE = re.compile(r"^Start here, author|^To do:|^\d\. |over eight seeds: starter")
_OF_ITS_DATA = re.compile(r"\bdigits?\b|8x8|8 x 8|45 %|arithmetic books|\b1797\b|\bponds?\b")


def check_leftovers(subject: Subject) -> Finding:
    """Check that a task that was changed holds no lines of the template which only fitted that."""
    task_id = subject.task.id
    template = template_files(task_id, subject.task.spec.kind)
    texts = {name: _read(subject, name) for name in template}
    if all(texts[name] == template[name] for name in _SOURCES):
        return found("leftovers", [], "this is the template as it comes")
    other_data = texts["data.py"] != template["data.py"]
    wrong = [
        sentence
        for name in template
        for sentence in _left(name, texts[name], template[name], data=other_data)
    ]
    return found(
        "leftovers", wrong, "no advice to the author and nothing of other data is left from the template"
    )


def _left(name: str, text: str, template: str, *, data: bool) -> Iterator[str]:
    """Find the lines of the template's own; what it says of its data is wrong where the `data` are others."""
    lines = {line.strip() for line in template.splitlines() if name.endswith(".md") or _is_prose(line)}
    own = {line for line in lines if _ADVICE.search(line) or (data and _OF_ITS_DATA.search(line))}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() in own:
            yield f"{name}, line {number}, is left from the template: {line.strip()[:60]}"


def _is_prose(line: str) -> bool:
    """Return whether a line of a source holds words for people: a comment, a docstring, or the task's title and story."""
    return "#" in line or line.lstrip().startswith(('"""', "title", "story"))


def _read(subject: Subject, name: str) -> str:
    path = subject.task.folder / name
    if not path.is_file():
        return ""
    with reporting_os_errors(READ, path):
        return path.read_text(encoding="utf-8")
