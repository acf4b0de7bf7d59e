"""Scoring is a pure function of two files; whatever does not fit is our fault and never points."""

from __future__ import annotations

import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import balanced_accuracy_score

from grader.errors import GraderFault
from grader.task import scoring
from grader.task.metrics import balanced_accuracy
from grader.task.score_table import Score
from grader.task.scoring import points, score

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = np.array([0, 0, 0, 1])
MAP = Score(floor=0.5, ceiling=0.8)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
@given(pair=arrays(np.int64, st.tuples(st.just(2), st.integers(1, 40)), elements=st.integers(-2, 5)))
def test_balanced_accuracy_is_that_of_scikit_learn(pair: NDArray[np.int64]) -> None:
    labels, predictions = pair
    assert balanced_accuracy(labels, predictions) == pytest.approx(
        balanced_accuracy_score(labels, predictions)
    )


def test_balanced_accuracy_weighs_classes_and_not_samples() -> None:
    assert balanced_accuracy(LABELS, np.zeros(4, np.int64)) == 0.5
    assert balanced_accuracy(LABELS, np.array([0, 0, 7, 1])) == pytest.approx((2 / 3 + 1) / 2)


def test_answers_as_predictions_give_everything(tmp_path: Path) -> None:
    np.savez(tmp_path / "answers.npz", labels=LABELS)
    np.savez(tmp_path / "predictions.npz", model1=LABELS, model2=LABELS)
    scores = score(tmp_path / "predictions.npz", tmp_path / "answers.npz")
    assert scores == {"model1": 1.0, "model2": 1.0}
    assert points(1.0, MAP) == 100


def test_answers_may_have_an_array_for_each_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "answers.npz", first=LABELS, second=LABELS[::-1])
    np.savez(tmp_path / "predictions.npz", second=LABELS, first=LABELS)
    scores = score(tmp_path / "predictions.npz", tmp_path / "answers.npz")
    assert scores == {"first": 1.0, "second": pytest.approx(1 / 3)}
    assert list(scores) == ["first", "second"]


def test_kinds_of_whole_numbers_do_not_matter(tmp_path: Path) -> None:
    np.savez(tmp_path / "answers.npz", labels=LABELS.astype(np.uint8))
    np.savez(tmp_path / "predictions.npz", model=LABELS.astype(np.int32))
    assert score(tmp_path / "predictions.npz", tmp_path / "answers.npz") == {"model": 1.0}


MISFITS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no predictions": ({}, {"labels": LABELS}, r"have the arrays \[\]"),
    "another name": ({"a": LABELS}, {"b": LABELS, "c": LABELS}, r"arrays \['a'\], not \['b', 'c'\]"),
    "one too few": ({"a": LABELS}, {"a": LABELS, "b": LABELS}, r"arrays \['a'\], not \['a', 'b'\]"),
    "another length": ({"a": LABELS[:3]}, {"labels": LABELS}, r"shape \(3,\).*shape \(4,\)"),
    "another shape": ({"a": LABELS[None]}, {"labels": LABELS}, r"shape \(1, 4\)"),
    "floats": ({"a": LABELS * 1.0}, {"labels": LABELS}, "are float64"),
    "bools": ({"a": LABELS > 0}, {"labels": LABELS}, "are bool"),
    "texts": ({"a": LABELS.astype(str)}, {"labels": LABELS}, "are <U"),
    "objects": ({"a": np.array([{}, 1, 2, 3])}, {"labels": LABELS}, "cannot be read"),
    "answers of another kind": ({"a": LABELS}, {"labels": LABELS * 0.5}, "answers for 'a'"),
    "no answers": ({"a": LABELS[:0]}, {"labels": LABELS[:0]}, "answers for 'a'"),
}


@pytest.mark.parametrize(("given_", "truth", "says"), MISFITS.values(), ids=MISFITS.keys())
def test_what_does_not_fit_is_our_fault(
    tmp_path: Path, given_: dict[str, Any], truth: dict[str, Any], says: str
) -> None:
    np.savez(tmp_path / "predictions.npz", **given_)
    np.savez(tmp_path / "answers.npz", **truth)
    with pytest.raises(GraderFault, match=says):
        score(tmp_path / "predictions.npz", tmp_path / "answers.npz")


def test_whichever_byte_is_damaged_the_fault_is_ours(tmp_path: Path) -> None:
    answers, predictions = tmp_path / "answers.npz", tmp_path / "predictions.npz"
    np.savez(answers, labels=LABELS)
    np.savez_compressed(predictions, model=LABELS)
    content, faults = predictions.read_bytes(), 0
    for place in range(len(content)):
        predictions.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            score(predictions, answers)
        except GraderFault:
            faults += 1
    assert faults > len(content) / 2


def test_missing_damaged_and_huge_files_are_our_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, predictions = tmp_path / "answers.npz", tmp_path / "predictions.npz"
    np.savez(answers, labels=LABELS)
    with pytest.raises(GraderFault, match=r"predictions\.npz cannot be read"):
        score(predictions, answers)
    predictions.write_bytes(b"no zip")
    with pytest.raises(GraderFault, match="cannot be read"):
        score(predictions, answers)
    predictions.write_bytes(answers.read_bytes()[:-30])
    with pytest.raises(GraderFault, match="cannot be read"):
        score(predictions, answers)
    with zipfile.ZipFile(predictions, "w") as opened:
        opened.writestr("a.npy", "no array")
    with pytest.raises(GraderFault, match="something else than arrays"):
        score(predictions, answers)
    monkeypatch.setattr(scoring, "MAX_BYTES", 100)
    with pytest.raises(GraderFault, match="holds more than"):
        score(answers, answers)


POINTS = [(0.0, 0), (0.5, 0), (0.5016, 1), (0.65, 50), (0.7, 67), (0.7984, 99), (0.8, 100), (1.0, 100)]


@pytest.mark.parametrize(("bac", "expected"), POINTS)
def test_points_are_linear_between_floor_and_ceiling(bac: float, expected: int) -> None:
    assert points(bac, MAP) == expected
    assert type(points(bac, MAP)) is int


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_accuracy_never_gives_fewer_points(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= points(low, MAP) <= points(high, MAP) <= 100


@pytest.mark.parametrize("bac", [math.nan, math.inf, -math.inf])
def test_an_impossible_accuracy_is_our_fault(bac: float) -> None:
    with pytest.raises(GraderFault, match="impossible"):
        points(bac, MAP)
