"""The mountain rescue: its seasons are as its README says, its references are exact, and its game shows no valley."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from notebook_source import code_cells

from grader.task.judge import play
from grader.task.scorer_process import InvalidOutput
from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TASK = load_task("advice_bandit")
SEEN = {"calls", "night", "past_calls", "past_nights", "searched", "found"}


@pytest.fixture(scope="module")
def data() -> Any:
    return TASK.builder()


@pytest.fixture(scope="module")
def seasons(data: Any) -> dict[str, NDArray[Any]]:
    arrays, returns = data.draw_seasons(np.random.default_rng(11))
    return {**arrays, "returns": returns}


@pytest.fixture(scope="module")
def game() -> SimpleNamespace:
    """What the cells of the judge and of the game define."""
    names: dict[str, Any] = {"VALLEYS": 6, "np": np}
    for text in code_cells("advice_bandit"):
        if "def save_episodes" in text or "class Season" in text:
            exec(text, names)
    return SimpleNamespace(**names)


def test_there_is_a_season_for_each_episode_and_an_alarm_for_each_step(
    seasons: dict[str, NDArray[Any]],
) -> None:
    table = TASK.spec.interactive
    assert seasons["calls"].shape == (table.episodes, table.steps, 8)
    assert seasons["valleys"].shape == seasons["nights"].shape == (table.episodes, table.steps)
    assert set(np.unique(seasons["calls"])) == set(range(6))


def test_callers_are_right_as_often_as_the_readme_says(seasons: dict[str, NDArray[Any]]) -> None:
    """Over many alarms, the shares of all callers of a season have the sums of the table, in whatever order."""
    right = seasons["calls"] == seasons["valleys"][:, :, None]
    for is_night, shares in ((False, (0.75, 0.5, 0.85, 0.15)), (True, (0.75, 0.5, 0.15, 0.85))):
        expected = (sum(shares) + 0.2 / 6 + 3 / 6) / 8
        assert right[seasons["nights"] == is_night].mean() == pytest.approx(expected, abs=0.02)
    behind = (seasons["calls"] - seasons["valleys"][:, :, None]) % 6 == 1
    most = behind.mean(axis=1).max(axis=1)  # of each season's prankster
    assert most.mean() == pytest.approx(0.8 + 0.2 / 6, abs=0.03)


def plain_guess(calls: list[int], *, night: bool) -> int:
    """Return the valley with the highest posterior for callers in the order in which they are drawn, in plain loops."""
    shares = [(0.75, 0.75), (0.5, 0.5), (0.85, 0.15), (0.15, 0.85)]
    posterior = []
    for valley in range(6):
        logs = 0.0
        for call, by in zip(calls, shares, strict=False):
            right = by[night]
            logs += math.log(right if call == valley else (1 - right) / 5)
        logs += math.log(0.8 + 0.2 / 6 if calls[4] == (valley + 1) % 6 else 0.2 / 6)
        posterior.append(logs)
    return max(range(6), key=posterior.__getitem__)


def test_the_strong_player_of_the_references_is_the_bayes_rule(data: Any) -> None:
    rng = np.random.default_rng(5)
    calls, nights = rng.integers(0, 6, (200, 8)), rng.random(200) < 0.5
    guesses = data.best_guess(calls, nights)
    assert guesses.tolist() == [
        plain_guess(row, night=night) for row, night in zip(calls.tolist(), nights.tolist(), strict=True)
    ]


def test_the_references_leave_room_between_chance_and_knowledge(seasons: dict[str, NDArray[Any]]) -> None:
    weak, strong = seasons["returns"].T
    assert set(weak) == {10.0}
    assert strong.mean() == pytest.approx(57, abs=2)


def test_the_same_seed_gives_the_same_files_and_public_ones_are_others(data: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        data.make_data(folder / "public", folder / "inputs", folder / "answers", seed=3)
    for path in ("public/val.npz", "inputs/test.npz", "answers/answers.npz"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    public, hidden = (data.load(tmp_path / "a" / path) for path in ("public/val.npz", "inputs/test.npz"))
    assert (public["valleys"] != hidden["valleys"]).mean() > 0.7
    assert "returns" not in hidden
    with pytest.raises(FileExistsError, match="already holds data"):
        data.make_data(tmp_path / "a" / "public", None, None, seed=3)
    with pytest.raises(ValueError, match="not one of: embedded"):
        data.make_data(tmp_path / "c", None, None, 0, "npz:mine.npz")


def test_a_rehearsal_plays_the_public_seasons_with_the_callers_in_another_order(
    data: Any, tmp_path: Path
) -> None:
    data.make_data(tmp_path / "public", None, None, seed=0)
    data.rehearse(tmp_path / "public", tmp_path / "inputs", tmp_path / "answers", 4)
    public, again = (data.load(tmp_path / path) for path in ("public/val.npz", "inputs/test.npz"))
    first = int(np.flatnonzero((public["valleys"] == again["valleys"][0]).all(axis=1))[0])
    assert sorted(map(tuple, public["calls"][first].T)) == sorted(map(tuple, again["calls"][0].T))
    assert (public["calls"][first] != again["calls"][0]).any()
    np.savez(tmp_path / "public" / "val.npz", allow_pickle=False, valleys=public["valleys"])
    with pytest.raises(ValueError, match="has no array 'calls'"):
        data.rehearse(tmp_path / "public", tmp_path / "x", tmp_path / "y", 4)


def test_a_player_sees_calls_and_outcomes_and_never_a_valley(
    game: SimpleNamespace, seasons: dict[str, NDArray[Any]]
) -> None:
    valleys, nights, calls = (seasons[name][0] for name in ("valleys", "nights", "calls"))
    seen: list[dict[str, Any]] = []

    def act(observation: dict[str, Any]) -> int:
        seen.append(observation)
        return int(observation["calls"][0])

    returns, lengths = play([game.Season(valleys, nights, calls)], act, 60)
    assert all(set(observation) == SEEN for observation in seen)
    assert (returns[0], lengths[0]) == ((calls[:, 0] == valleys).sum(), 60)
    last = seen[-1]
    assert (last["past_calls"] == calls[:59]).all()
    assert (last["past_nights"] == nights[:59]).all()
    assert (last["found"] == (last["searched"] == valleys[:59])).all()
    last["past_calls"][:] = 0
    assert (seasons["calls"][0] == calls).all(), "an observation is a copy"


@pytest.mark.parametrize("action", [6, -1, 2.0, None, [1]], ids=str)
def test_another_action_than_a_valley_ends_the_run_with_a_sentence(
    action: Any, game: SimpleNamespace, seasons: dict[str, NDArray[Any]]
) -> None:
    season = game.Season(*(seasons[name][0] for name in ("valleys", "nights", "calls")))
    with pytest.raises(game.InvalidOutput, match="return a whole number from 0 to 5"):
        season.step(action)
    assert not issubclass(game.InvalidOutput, InvalidOutput), "the notebook has its own"
