"""The command `report` as it is typed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from published import course

from grader.task.spec import load_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.task.spec import Task

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(run: Run) -> Run:
    """Give a function that runs the command report, and returns exit code, output and errors."""
    return partial(run, "report")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with course(tmp_path / "results", load_task("noisy_labels")) as made:
        made.scored("ada")
        made.scored("bob", "def your_select_indices(targets, losses):\n    return losses\n")
    return tmp_path / "results"


def test_report_says_where_the_pages_are(run: Run, out: Path) -> None:
    code, said, _ = run(out)
    assert code == 0
    assert said.splitlines() == [
        f"report    {out}/report/index.html",
        f"feedback  {out}/report/feedback/  2 pages, one for each submission",
    ]
    assert (out / "report" / "index.html").is_file()


def test_report_as_json_says_whose_each_page_is(run: Run, out: Path) -> None:
    code, said, errors = run(out, "--json")
    answer = json.loads(said)
    assert (code, errors, answer["index"]) == (0, "", f"{out}/report/index.html")
    assert [(page["task"], page["student"], page["attempt"]) for page in answer["pages"]] == [
        ("noisy_labels", "ada", 1),
        ("noisy_labels", "bob", 1),
    ]


def test_feedback_pages_may_be_in_german(run: Run, out: Path) -> None:
    code, said, _ = run(out, "--language", "de", "--json")
    assert code == 0
    ada, bob = (Path(page["path"]).read_text(encoding="utf-8") for page in json.loads(said)["pages"])
    for words in (
        '<html lang="de">', "Rückmeldung", "von 100 Punkten", "Deine Funktion lief bis zum Ende, und ihr Modell wurde bewertet.",
        "Was du als Nächstes tun kannst", "Wie die Punkte berechnet wurden", "Der Mittelwert (balanced accuracy)", "Dein Code",
    ):  # fmt: skip
        assert words in ada
    assert "Deine Funktion" in bob
    for words in (
        "What to do next",
        "of 100 points",
        "How the points",
        "Each repeat",
        "Your code",
        "Points rise",
    ):
        assert words not in ada + bob
    index = (out / "report" / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in index


def test_a_public_report_has_one_page(run: Run, out: Path) -> None:
    code, said, _ = run(out, "--public")
    assert (code, said) == (0, f"report    {out}/report_public/index.html\n")
    assert not (out / "report").exists()


def test_a_task_that_is_nowhere_listed_is_named(run: Run, tmp_path: Path, toy_task: Task) -> None:
    with course(tmp_path / "toy", toy_task) as made:
        made.scored("ada", "def your_weights(targets, losses):\n    return 1\n")
    assert run(tmp_path / "toy")[0] == 0
    page = next((tmp_path / "toy" / "report" / "feedback").iterdir())
    assert "Points rise linearly" not in page.read_text(encoding="utf-8")
    assert run(tmp_path / "toy", "--task", toy_task.folder)[0] == 0
    assert "Points rise linearly from 0 at 0.5 to 100 at 0.84" in page.read_text(encoding="utf-8")


def test_a_folder_without_results_is_one_line(run: Run, tmp_path: Path) -> None:
    code, _, errors = run(tmp_path)
    assert (code, errors) == (
        2,
        f"grader: there is no gradebook in {tmp_path}; `grader grade TASK PATH --out {tmp_path}` creates one\n",
    )
