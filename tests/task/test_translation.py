"""Statements in other languages: built beside the same code, graded alike, and noticed when the English has moved on."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from grader.errors import UsageError
from grader.export.student_zip import pack
from grader.lint.task.notebooks import read_subject
from grader.lint.task.translations import check_translations
from grader.notebooks.changes import changed_cells
from grader.notebooks.reading import is_code, read_notebook, source
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.task.build import build, check, statement, write
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter
from grader.task.translation import mark_of, starter_in, story_in, title_in

if TYPE_CHECKING:
    from pathlib import Path

STORY = "Ein lineares Modell lernt von Etiketten."
GERMAN = "# Spielzeug: {{ title }}\n\n{{ story }}\n\n**Aufgabe.** Fülle `{{ signature }}` aus."


@pytest.fixture
def task(own_toy: Path) -> Task:
    """The toy task, with its story and title cell in German and all others copied."""
    toy = read_task(own_toy)
    texts = statement(toy)
    story = f"<!-- story: {mark_of(toy.spec.story)} -->\n{STORY}\n"
    parts = [f"<!-- cell {number}: {mark_of(text)} -->\n{text}\n" for number, text in enumerate(texts, 1)]
    parts[0] = f"<!-- cell 1: {mark_of(texts[0])} -->\n{GERMAN}\n"
    (own_toy / "notebook.de.md").write_text("\n".join([story, *parts]), encoding="utf-8")
    write(toy)
    return toy


def test_a_translated_starter_has_other_prose_and_the_same_code(task: Task) -> None:
    german = read_notebook(task.starter.with_name("toy_task.de.ipynb").read_bytes())
    english = load_starter(task)
    assert "**Aufgabe.** Fülle `your_weights(targets" in source(german["cells"][0])
    assert task.spec.story in source(german["cells"][0])
    assert [cell for cell in german["cells"] if is_code(cell)] == [
        cell for cell in english["cells"] if is_code(cell)
    ]
    assert check(task) == []
    assert check_translations(read_subject(task)).ok


def test_a_submission_in_german_is_graded_as_in_english_and_its_prose_is_no_change(task: Task) -> None:
    german = read_notebook(task.starter.with_name("toy_task.de.ipynb").read_bytes())
    english = load_starter(task)
    assert changed_cells(german, english) == []
    assert rebuild(english, find_slot(german, english)) == rebuild(english, find_slot(english, english))
    training = next(cell for cell in german["cells"] if "def train(" in source(cell))
    training["source"] = source(training).replace("lr=0.2", "lr=0.9")
    assert len(changed_cells(german, english)) == 1


def test_a_cell_that_was_changed_in_english_is_found_with_its_new_mark(task: Task) -> None:
    path = task.folder / "notebook.py"
    path.write_text(path.read_text(encoding="utf-8").replace("600 samples", "601 samples"), encoding="utf-8")
    write(task)
    finding = check_translations(read_subject(task))
    assert not finding.ok
    assert finding.detail.startswith("Markdown cell 2 was changed since notebook.de.md")
    assert mark_of(statement(task)[1]) in finding.detail


def test_a_cell_without_translation_stays_english_and_is_named(task: Task) -> None:
    path = task.folder / "notebook.de.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"<!-- cell 3.*?(?=<!-- cell 4)", "", text, flags=re.DOTALL), encoding="utf-8")
    write(task)
    german = json.loads(task.starter.with_name("toy_task.de.ipynb").read_text(encoding="utf-8"))
    assert "## Scoring" in "".join("".join(cell["source"]) for cell in german["cells"])
    assert "notebook.de.md lacks Markdown cell 3" in check_translations(read_subject(task)).detail


def test_title_and_story_are_those_of_the_language_and_english_where_it_has_none(task: Task) -> None:
    assert title_in(task, "de") == f"Spielzeug: {task.spec.title}"
    assert story_in(task, "de") == STORY
    assert (title_in(task, "en"), story_in(task, "fr")) == (task.spec.title, task.spec.story)
    path = task.folder / "notebook.de.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[text.index("<!-- cell 2") :], encoding="utf-8")
    assert (title_in(task, "de"), story_in(task, "de")) == (task.spec.title, task.spec.story)
    detail = check_translations(read_subject(task)).detail
    assert f"lacks the story: write it below <!-- story: {mark_of(task.spec.story)} -->" in detail


def test_a_story_that_was_changed_in_english_is_found(task: Task) -> None:
    path = task.folder / "task.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(task.spec.story, "Another story."), encoding="utf-8")
    changed = read_task(task.folder)
    write(changed)
    detail = check_translations(read_subject(changed)).detail
    assert detail.startswith("The story was changed since notebook.de.md")
    assert mark_of("Another story.") in detail


def test_the_badge_of_a_translated_starter_opens_that_starter(task: Task) -> None:
    built = build(task, "https://github.com/someone/clone")
    assert "starter_notebooks/toy_task.de.ipynb" in built.translations["de"]
    assert "toy_task.de.ipynb" not in built.starter + built.solution


def test_students_get_the_statement_in_every_language(task: Task, tmp_path: Path) -> None:
    public = tmp_path / "public"
    task.builder().make_data(public, None, None, seed=0)
    with zipfile.ZipFile(pack(task, public, tmp_path, size="default")) as opened:
        notebook = opened.read("toy_task/toy_task.de.ipynb")
        page = opened.read("toy_task/README.md").decode()
    assert notebook == starter_in(task, "de").read_bytes()
    assert "| `toy_task.de.ipynb` | the same notebook in another language" in page


WRONG = {
    "above": "Hallo\n",
    "twice": "<!-- cell 1: 00000000 -->\n" * 2,
    "none": "<!-- cell 99: 00000000 -->\n",
    "story twice": "<!-- story: 00000000 -->\n" * 2,
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_a_file_that_is_no_translation_is_one_line(text: str, task: Task) -> None:
    (task.folder / "notebook.de.md").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"notebook\.de\.md"):
        write(task)
