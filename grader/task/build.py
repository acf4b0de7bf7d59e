"""Build a task's starter and solution notebooks from the author's notebook, with the same bytes every time."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jupytext

from grader.errors import UsageError
from grader.notebooks.colab_badge import badge, keep_url, kept_url
from grader.notebooks.program import parse_or_empty
from grader.notebooks.reading import Json, is_code, metadata, source, tags
from grader.notebooks.slots import is_slot, slot_tag
from grader.notebooks.whole_program import FORM
from grader.task.rules import check_cells
from grader.task.scoring_text import RULES_PLACEHOLDER, SCORE_PLACEHOLDER, scoring_code, scoring_rules
from grader.task.source import data_source, notebook_source
from grader.task.student_source import student_source
from grader.task.template import (
    DATA_PLACEHOLDER,
    DATA_TITLE,
    fill_code,
    fill_markdown,
    solution_face,
    starter_face,
)
from grader.task.translation import LANGUAGE, languages, starter_in, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from grader.task.spec import Task

PROTECTED_LINE = "# PROTECTED CELL - the grader uses its own copy; changes here are ignored."


@dataclass(frozen=True)
class Built:
    """The generated notebooks, as the text of their files: starter and solution, and the starter in other languages."""

    starter: str
    solution: str
    translations: dict[str, str] = field(default_factory=dict)


def build(task: Task, repo_url: str | None = None) -> Built:
    """Build the notebooks of `task`, with the badge of `repo_url`, by default the address kept beside the task.

    Raises UsageError, one line, where the author's notebook breaks a rule of the outline.
    """
    url = kept_url(task.folder.parent) if repo_url is None else repo_url
    cells = _with_badge(task, url)
    translations = {language: _with_badge(task, url, language) for language in languages(task.folder)}
    return Built(
        starter=_notebook_text(task, cells, starter_face),
        solution=_notebook_text(task, cells, solution_face),
        translations={
            language: _notebook_text(task, theirs, starter_face, language)
            for language, theirs in translations.items()
        },
    )


def statement(task: Task) -> list[str]:
    """Return the Markdown cells of the author's notebook, in English, with their placeholders."""
    cells = jupytext.reads(notebook_source(task.folder), fmt="py:percent").cells
    return [source(cell) for cell in cells if cell["cell_type"] == "markdown"]


def write(task: Task, home: Path | None = None) -> list[Path]:
    """Build `task` and write its two files below `home`, by default its own; return those that changed."""
    written = []
    for path, text in _files(task, home=home):
        if _text_of(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return written


def check(task: Task, repo_url: str | None = None, home: Path | None = None) -> list[str]:
    """Return one line for each generated file that is missing or out of step with its source and `repo_url`.

    The files are below `home`, by default the task's own.
    """
    command = (
        f"grader build {task.id}" if repo_url is None else f"grader build --repo-url {shlex.quote(repo_url)}"
    )
    return [
        f"{path.parent.name}/{path.name} is not in step with its source; run: {command}"
        for path, text in _files(task, repo_url, home)
        if _text_of(path) != text
    ]


def move(tasks: Sequence[Task], repo_url: str) -> list[Path]:
    """Keep another address beside `tasks`, all in one folder, and write their files; return the written files.

    An empty address removes the badges. Raises UsageError before anything is written.
    """
    for task in tasks:
        build(task, repo_url)
    (folder,) = {task.folder.parent for task in tasks}
    kept = keep_url(folder, repo_url)
    return [*([kept] if kept else []), *(path for task in tasks for path in write(task))]


def _files(task: Task, repo_url: str | None = None, home: Path | None = None) -> list[tuple[Path, str]]:
    built = build(task, repo_url)
    files = [(task.starter, built.starter), (task.solution, built.solution)]
    for language, text in built.translations.items():
        files.append((starter_in(task, language), text))
    return [(home / path.parent.name / path.name if home else path, text) for path, text in files]


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _author_cells(task: Task, language: str = "") -> list[Json]:
    """Return the cells of notebook.py with placeholders filled in; the slot still has both its blocks."""
    cells = jupytext.reads(notebook_source(task.folder), fmt="py:percent").cells
    if language:
        texts = iter(translated(task.folder, language, statement(task)))
        cells = [
            {**cell, "source": next(texts)} if cell["cell_type"] == "markdown" else cell for cell in cells
        ]
    data = data_source(task.folder)  # is checked whether or not the notebook shows it
    filled = [_filled(dict(cell), task) for cell in cells]
    return [_with_data(cell, data, filled) if _shows_data(cell) else cell for cell in filled]


def _filled(cell: Json, task: Task) -> Json:
    text = source(cell)
    if cell["cell_type"] != "code":
        text = fill_markdown(text.replace(RULES_PLACEHOLDER, scoring_rules(task)), task)
    elif text.strip() == SCORE_PLACEHOLDER:
        text = scoring_code(task)
    elif not _shows_data(cell):
        text = fill_code(text, task)
    return {"cell_type": cell["cell_type"], "metadata": dict(metadata(cell)), "source": text}


def _shows_data(cell: Json) -> bool:
    return is_code(cell) and "data" in tags(cell) and source(cell).strip() == DATA_PLACEHOLDER


def _with_data(cell: Json, data: str, cells: list[Json]) -> Json:
    """Return the cell with what the other `cells` use of data.py; nothing of it makes hidden data."""
    used = {
        node.id
        for other in cells
        if is_code(other) and not is_slot(other)
        for node in ast.walk(parse_or_empty(source(other)))
        if isinstance(node, ast.Name)
    }
    return {**cell, "source": student_source(data, used)}


def _with_badge(task: Task, repo_url: str, language: str = "") -> list[Json]:
    """Return the cells with the starter's badge on top of the first, which must be Markdown."""
    cells = _author_cells(task, language)
    if not repo_url:
        return cells
    starter = starter_in(task, language) if language else task.starter
    mark = badge(repo_url, f"{starter.parent.name}/{starter.name}")
    if not cells or cells[0]["cell_type"] != "markdown":
        raise UsageError(
            f"{task.folder / 'notebook.py'}: the first cell must be Markdown to carry the Colab badge"
        )
    return [{**cells[0], "source": f"{mark}\n\n{source(cells[0])}"}, *cells[1:]]


def _notebook_text(task: Task, cells: list[Json], face: Callable[[str], str], language: str = "") -> str:
    shown = [_with_face(cell, face) if is_slot(cell) else cell for cell in cells]
    check_cells(task, shown)
    form = {FORM: task.spec.program.form} if task.spec.program.form != "slot" else {}
    notebook = {
        "cells": [_finished(cell, task, number) for number, cell in enumerate(shown, start=1)],
        "metadata": {
            "grader": {"entries": list(task.spec.entries), "task": task.id, "version": task.version}
            | form
            | ({LANGUAGE: language} if language else {})
            | _file_of(task),
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _file_of(task: Task) -> Json:
    """Return what the notebook of a task of files knows of what is handed in."""
    files = task.spec.files
    return {} if files is None else {"hand_in": {"name": files.name, "max_bytes": files.max_bytes}}


def _with_face(cell: Json, face: Callable[[str], str]) -> Json:
    return {**cell, "source": face(source(cell))}


def _finished(cell: Json, task: Task, number: int) -> Json:
    """Return the cell with its id, its lock and, for protected code, its first comment line."""
    key, kind, text = f"{task.id}-{number}", cell["cell_type"], source(cell)
    about: Json = {**cell["metadata"], "grader": {"cell": key, "task": task.id}}
    if is_slot(cell) and task.spec.slots:
        entries, stages = task.spec.slot_entries(slot_tag(cell)), task.spec.slot_stages(slot_tag(cell))
        about["grader"] |= {"entries": list(entries), "stages": stages}
    elif not is_slot(cell) and task.spec.runs_code:
        about |= {"editable": False, "deletable": False}
        about["tags"] = [*(tag for tag in tags(cell) if tag != "protected"), "protected"]
        text = f"{PROTECTED_LINE}\n{text}" if kind == "code" else text
    if {"data", "folded"} & set(tags(cell)):
        about |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    if "data" in tags(cell):
        text = f"{DATA_TITLE}\n{text}"
    finished = {"cell_type": kind, "id": key, "metadata": about, "source": text.splitlines(keepends=True)}
    return finished | ({"execution_count": None, "outputs": []} if kind == "code" else {})
