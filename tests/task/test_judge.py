"""The judge of interactive tasks: it checks each action, keeps its budget, and plays the same game for the same seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from grader.errors import UsageError
from grader.task.interactive_table import InteractiveTable
from grader.task.judge import episode_rng, judge_code, play, save_episodes, whole_number
from grader.task.scorer_process import InvalidOutput
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {
    "an int": 3,
    "a number of NumPy": np.int32(3),
    "an array without dimensions": np.array(3),
    "a tensor": torch.tensor([3]),
}
NOT_WHOLE = {
    "nothing": (None, "of the type NoneType; return a whole number from 0 to 4"),
    "a float": (3.0, "of the type float"),
    "NaN": (float("nan"), "of the type float"),
    "a text": ("3", "of the type str"),
    "a list": ([3], "of the type list"),
    "an array": (np.array([3, 3]), "of the type ndarray"),
    "a truth": (True, "the action is True"),
    "below": (-1, "the action is -1; return a whole number from 0 to 4"),
    "above": (5, "the action is 5"),
    "far above": (2**62, "the action is 4611686018427387904"),
}


class Countdown:
    """A game that is over after `length` actions, each of which earns itself."""

    def __init__(self, length: int) -> None:
        self.left = length

    @property
    def is_over(self) -> bool:
        return self.left == 0

    def observe(self) -> dict[str, int]:
        return {"left": self.left}

    def step(self, action: Any) -> int:
        self.left -= 1
        return whole_number(action, 0, 4)


@pytest.mark.parametrize("action", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_number_of_any_library_is_an_action(action: Any) -> None:
    number = whole_number(action, 0, 4)
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize(("action", "sentence"), NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_another_action_gets_a_sentence(action: Any, sentence: str) -> None:
    with pytest.raises(InvalidOutput, match=sentence):
        whole_number(action, 0, 4)


def test_each_episode_earns_what_its_actions_do_and_ends_when_it_is_over_or_its_steps_are_used_up() -> None:
    seen: list[int] = []

    def act(observation: dict[str, int]) -> int:
        seen.append(observation["left"])
        return 2

    returns, lengths = play([Countdown(3), Countdown(10**9), Countdown(0)], act, 5)
    assert (returns.tolist(), lengths.tolist()) == ([6.0, 10.0, 0.0], [3, 5, 0])
    assert seen == [3, 2, 1, 10**9, 10**9 - 1, 10**9 - 2, 10**9 - 3, 10**9 - 4]


def test_a_wrong_action_is_named_with_its_episode_and_step() -> None:
    actions = iter([1, 2, 3, 9])
    with pytest.raises(InvalidOutput, match=r"^episode 2, step 2: the action is 9; return a whole number"):
        play([Countdown(2), Countdown(5)], lambda _: next(actions), 5)


def test_an_episode_has_the_same_luck_whatever_was_played_before_and_tells_nothing_of_others() -> None:
    draws = [episode_rng(seed, number).integers(2**62) for seed in (7, 8) for number in range(50)]
    assert draws == [episode_rng(seed, number).integers(2**62) for seed in (7, 8) for number in range(50)]
    assert len(set(draws)) == 100
    assert not set(draws) & {np.random.default_rng(seed).integers(2**62) for seed in range(7, 60)}


def test_what_episodes_earned_is_saved_for_the_grader_and_as_curves(tmp_path: Path) -> None:
    save_episodes(str(tmp_path / "predictions.npz"), np.array([1.5, 2.0]), np.array([3, 4]))
    with np.load(tmp_path / "predictions.npz") as saved:
        assert {name: saved[name].tolist() for name in saved.files} == {"returns": [1.5, 2.0]}
    history = json.loads((tmp_path / "history.json").read_text())
    assert history["x"] == {"name": "episode", "values": [1, 2]}
    assert history["series"] == {"return of the episode": [1.5, 2.0], "actions in the episode": [3, 4]}


def test_a_notebook_gets_the_same_judge_as_plain_code(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    text = judge_code()
    exec(compile(text, "judge", "exec"), names)
    assert "noqa" not in text
    assert "Any" not in text
    returns, lengths = names["play"]([Countdown(3)], lambda _: 2, 2)
    assert (returns.tolist(), lengths.tolist()) == ([4.0], [2])
    names["save_episodes"](str(tmp_path / "predictions.npz"), returns, lengths)
    assert (tmp_path / "history.json").is_file()
    assert names["episode_rng"](3, 1).random() == episode_rng(3, 1).random()


def test_the_budget_of_a_run_counts_new_players_of_a_class() -> None:
    table = InteractiveTable(episodes=10, steps=20)
    assert (table.most_calls(0), table.most_calls(2)) == (200, 220)


def test_the_table_is_for_interactive_tasks_only_and_changes_no_digest_of_others(own_toy: Path) -> None:
    before = read_task(own_toy).run_digest
    toml = own_toy / "task.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + "\n[interactive]\nsteps = 5\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r'\[interactive\] needs kind = "interactive"'):
        read_task(own_toy)
    with_kind = 'kind = "interactive"\n' + text
    toml.write_text(with_kind, encoding="utf-8")
    other = read_task(own_toy).run_digest
    toml.write_text(with_kind + "\n[interactive]\nsteps = 5\n", encoding="utf-8")
    assert len({before, other, read_task(own_toy).run_digest}) == 3
