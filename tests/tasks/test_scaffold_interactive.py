"""A new interactive task works from the first minute, and names itself and not its template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import test_contract as contract
from spoiling import spoil, the

from grader.lint.task import lint_text, read_subject
from grader.task.scaffold import scaffold

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.task.spec import Task


@pytest.fixture(scope="module")
def new_game(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return scaffold("first_game", tmp_path_factory.mktemp("author") / "tasks", "interactive")[0]


def test_a_new_game_keeps_the_rules_of_what_is_written(new_game: Task) -> None:
    contract.test_the_linter_finds_nothing_wrong_with_what_is_written(new_game)
    contract.test_the_generated_notebooks_are_the_same_each_time(new_game)
    contract.test_no_notebook_of_the_task_needs_the_grader(new_game)
    for file in (*new_game.folder.rglob("*.*"), new_game.starter, new_game.solution):
        assert "my_task" not in file.read_text(encoding="utf-8")


def test_the_notebook_says_the_budget_and_holds_the_judge(new_game: Task) -> None:
    notebook = json.loads(new_game.starter.read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    assert "30 **episodes**" in text
    assert "STEPS_OF_EPISODE = 100" in text
    assert "def play(games, act, steps):" in text
    assert "0 points at normalised return 0.05" in text


def test_the_data_have_an_episode_for_each_of_the_budget_and_answers_for_each(
    new_game: Task, tmp_path: Path
) -> None:
    table = new_game.spec.interactive
    for name in ("a", "b"):
        folder = tmp_path / name
        new_game.builder().make_data(folder / "public", folder / "inputs", folder / "answers", seed=3)
    with np.load(tmp_path / "a" / "answers" / "answers.npz") as answers:
        weak, strong = answers["returns"].T
    assert len(weak) == table.episodes
    assert (weak < strong).all()
    assert strong.max() <= table.steps
    for path in ("public/val.npz", "inputs/test.npz", "answers/answers.npz"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_advice_is_left_where_only_the_title_changed(tmp_path: Path) -> None:
    task = scaffold("mine", tmp_path / "tasks", "interactive")[0]
    finding = the(
        lint_text(read_subject(spoil(task.folder, "task.toml", "Eight Ponds", "Nine Lakes"))), "leftovers"
    )
    assert "README.md, line 3, is left from the template: Start here, author" in finding.detail
    spoil(task.folder, "data.py", "(0.1, 0.9,", "(0.2, 0.8,")
    finding = the(lint_text(read_subject(task)), "leftovers")
    assert "Eight ponds, and nobody knows" in finding.detail


def test_a_kind_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, errors = run("new-task", "mine", "--kind", "interactiv", "--out", tmp_path)
    assert code == 2
    assert "interactiv" in errors


def test_nothing_that_a_player_does_changes_the_luck_of_later_episodes(new_game: Task) -> None:
    """Two players who differ in the first episode alone earn the same in all others, and none of it is known before."""
    names: dict[str, Any] = {}
    for cell in json.loads(new_game.starter.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if "def save_episodes" in text or "class Season" in text:
            exec(text, names)
    chances = np.random.default_rng(0).uniform(0.1, 0.9, (5, 8))

    def earned(seed: int, first_pond: int) -> list[float]:
        games = [
            names["Season"](row, names["episode_rng"](seed, number)) for number, row in enumerate(chances)
        ]
        steps = iter([first_pond] * 20 + [3] * 80)
        return [float(total) for total in names["play"](games, lambda _: next(steps), 20)[0]]

    assert earned(7, 3)[1:] == earned(7, 5)[1:]
    assert earned(7, 3)[0] != earned(7, 5)[0]
    assert earned(7, 3) != earned(8, 3)
