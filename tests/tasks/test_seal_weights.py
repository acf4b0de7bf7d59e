"""The data and the protected cells of `seal_weights`: what is drawn, what may be returned, and what the notes may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from notebook_source import definitions

from grader.task.spec import load_task
from grader.trainer.staged_channel import size_of

if TYPE_CHECKING:
    from pathlib import Path

TASK = load_task("seal_weights")


@pytest.fixture(scope="module")
def names() -> Any:
    return definitions("seal_weights")


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    drawn: dict[str, np.ndarray] = vars(TASK.builder())["draw"](np.random.default_rng(5), 4000)
    return drawn


def test_every_seal_was_looked_at_and_most_guesses_are_missing(rows: dict[str, np.ndarray]) -> None:
    seen = np.isfinite(rows["guesses"])
    assert rows["guesses"].shape == (4000, 10)
    assert seen.any(axis=1).all()
    assert 0.38 < seen.mean() < 0.47
    assert (rows["guesses"][seen] > 0).all()
    assert rows["weights"].min() > 10
    assert np.log(rows["weights"]).std() == pytest.approx(0.38, abs=0.02)


def test_three_volunteers_write_pounds_now_and_then(rows: dict[str, np.ndarray]) -> None:
    ratios = rows["guesses"] / rows["weights"][:, None]
    looks = np.isfinite(ratios).sum(axis=0)
    twice = ((ratios > 1.8) & (ratios < 2.6)).sum(axis=0) / looks
    once = ((ratios > 0.75) & (ratios < 1.25)).sum(axis=0) / looks
    assert ((twice > 0.3) & (once > 0.3)).sum() == 3


def test_the_timid_look_at_light_seals(rows: dict[str, np.ndarray]) -> None:
    seen = np.isfinite(rows["guesses"])
    gaps = [
        np.log(rows["weights"][column]).mean() - np.log(rows["weights"][~column]).mean() for column in seen.T
    ]
    assert sorted(gaps)[1] < -0.4
    assert max(gaps) > 0.4


def test_the_shared_part_cuts_one_draw_into_splits_and_keeps_the_answers_apart(tmp_path: Path) -> None:
    public, inputs, answers = (tmp_path / name for name in ("public", "inputs", "answers"))
    manifest = TASK.builder().make_data(public, inputs, answers, 3, "embedded")
    shown = {
        path.relative_to(tmp_path).as_posix(): sorted(np.load(path).files) for path in tmp_path.rglob("*.npz")
    }
    assert shown == {
        "public/train/rows.npz": ["guesses", "weights"],
        "public/val/rows.npz": ["guesses", "weights"],
        "inputs/train/rows.npz": ["guesses", "weights"],
        "inputs/test/rows.npz": ["guesses"],
        "answers/answers.npz": ["labels"],
    }
    assert manifest["answers"] == {"test": 600}
    given, drawn = (np.load(folder / "train/rows.npz")["weights"] for folder in (public, inputs))
    assert not np.isin(given, drawn).all()
    again = tmp_path / "again"
    TASK.builder().make_data(again, None, None, 3, "embedded")
    assert (again / "val/rows.npz").read_bytes() == (public / "val/rows.npz").read_bytes()
    TASK.builder().rehearse(public, tmp_path / "test", tmp_path / "hidden", 1)
    val = np.load(public / "val/rows.npz")["weights"]
    assert sorted(np.load(tmp_path / "hidden/answers.npz")["labels"]) == sorted(val)
    assert "weights" not in np.load(tmp_path / "test/test/rows.npz").files


def test_another_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'npz:x' is not one of: embedded"):
        TASK.builder().make_data(tmp_path, None, None, 0, "npz:x")


def test_notes_of_a_hundred_numbers_are_allowed_here_and_by_the_stage(names: Any) -> None:
    notes = {f"{'n' * 13}{number}": np.zeros(5) for number in range(10, 30)}
    assert names.check_notes(notes) is notes
    values, size = size_of(notes)
    assert values <= TASK.spec.stages[0].max_values
    assert size <= TASK.spec.stages[0].max_kb << 10


REFUSED = {
    "a list": ([1.0], "returned a list"),
    "too many": ({"a": np.zeros(101)}, "101 numbers under 1 names"),
    "a text": ({"a": "1"}, "returned a str as 'a'"),
    "a name of another kind": ({1: 2.0}, "with the name 1"),
    "a long name": ({"n" * 17: 2.0}, "at most 16"),
    "texts in an array": ({"a": np.array(["b"])}, "returned a ndarray as 'a'"),
    "many names": ({f"n{number}": 1 for number in range(21)}, "21 names"),
}


@pytest.mark.parametrize(("notes", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_other_notes_are_refused_with_a_reason(names: Any, notes: Any, message: str) -> None:
    with pytest.raises(names.InvalidOutput, match=message):
        names.check_notes(notes)


WEIGHTS = {
    "None": (None, "returned a NoneType"),
    "a shape": (np.zeros((3, 1)), r"the shape \(3, 1\) for 3 seals"),
    "NaN": (np.array([1, np.nan, 2]), "NaN or infinity for 1 of 3 seals"),
    "texts": (["a", "b", "c"], "something else than numbers"),
}


@pytest.mark.parametrize(("weights", "message"), WEIGHTS.values(), ids=WEIGHTS.keys())
def test_other_weights_are_refused_with_a_reason(names: Any, weights: Any, message: str) -> None:
    with pytest.raises(names.InvalidOutput, match=message):
        names.check_weights(weights, 3)


def test_weights_in_a_usual_form_are_allowed(names: Any) -> None:
    assert names.check_weights([50, 60.5, -1], 3).tolist() == [50, 60.5, 0]
    assert names.check_weights(np.array([1, 2], np.float32), 2).dtype == np.float64


def test_the_reference_finds_offset_slope_and_share_of_pounds() -> None:
    names = definitions("seal_weights", solution=True)
    rng = np.random.default_rng(0)
    weights = np.exp(rng.normal(4.35, 0.38, 400))
    said = (20 + 0.8 * weights) * np.exp(rng.normal(0, 0.08, 400))
    said = np.where(rng.random(400) < 0.4, said * 2.205, said)
    offset, slope, spread, share = names.habit_of(said, weights)
    assert offset == pytest.approx(20, abs=4)
    assert slope == pytest.approx(0.8, abs=0.06)
    assert spread == pytest.approx(0.08, abs=0.02)
    assert share == pytest.approx(0.4, abs=0.06)
