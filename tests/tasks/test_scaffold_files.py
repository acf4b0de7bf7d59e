"""A new task of files works from the first minute."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from grader.grading.bands import LEAST_REFERENCE_POINTS
from grader.grading.file_answers import written_file
from grader.lint import task as linting
from grader.task.evaluation import prepare_repeats
from grader.task.file_check import read_expected
from grader.task.scaffold import scaffold
from grader.task.spec import Task, discover

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    made, _ = scaffold("first_file", tmp_path_factory.mktemp("author") / "tasks", "files")
    return made


def test_the_linter_finds_nothing_wrong_with_its_text_and_data(task: Task, tmp_path: Path) -> None:
    subject = linting.read_subject(task)
    data = linting.build_task_data(task, tmp_path, seeds=1)
    findings = linting.lint_text(subject) + linting.lint_data(subject, data)
    assert {finding.name: finding.detail for finding in findings if not finding.ok} == {}
    assert [found.id for found in discover(task.folder.parent)] == ["first_file"]
    (rows,) = read_expected(data.repeats[0].answers).values()
    assert (len(rows.scored), len(rows.unscored)) == (1457, 300)


def test_nothing_of_it_is_called_as_its_template_and_no_notebook_makes_answers(task: Task) -> None:
    for file in (*task.folder.rglob("*.*"), task.starter, task.solution):
        assert "my_task" not in file.read_text(encoding="utf-8")
    for notebook in (task.starter, task.solution):
        text = notebook.read_text(encoding="utf-8")
        assert 'DATA_PATH = \\"data/first_file\\"' in text
        assert "load_digits" not in text
        assert '"editable": false' not in text, "students may change every cell"


@pytest.mark.slow
def test_the_file_of_its_reference_is_scored_near_the_ceiling(
    task: Task, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (repeat,) = prepare_repeats(task, b"", tmp_path / "data", repeats=1, source="embedded")
    data = written_file(task.solution.read_bytes(), task, repeat.inputs, tmp_path / "run")
    (tmp_path / "ada.csv").write_bytes(data)
    code, shown, errors = run("grade", task.folder, "ada.csv", "--out", "results", "--json")
    assert code == 0, errors
    (result,) = json.loads(shown)
    assert result["points"] >= LEAST_REFERENCE_POINTS
