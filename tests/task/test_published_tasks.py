"""What five published olympiad tasks measured is said in task.toml as it is, without an encoding.

The data are small and drawn here. Each has predictions that know nothing and perfect ones, with the points of the original's map.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.task.scoring import measure, points
from grader.task.scoring_text import scoring_code
from grader.task.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from grader.task.spec import Task

HEAD = 'schema = 2\ntitle = "t"\nstory = "s"\nversion = "1"\nentries = ["f"]\nsignature = "f() -> x"\n'
RNG = np.random.default_rng(11)
BEATS = RNG.integers(0, 2, 400)
DIALOGUES = [RNG.permutation(length) for length in (3, 5, 8)]
PAIRS = np.array(
    [
        [int(order[a] < order[b]), number]
        for number, order in enumerate(DIALOGUES)
        for a in range(len(order))
        for b in range(a)
    ]
)
PICTURES, KINDS, MEANS, SPREADS = (
    RNG.random((8, 10, 10)),
    RNG.integers(0, 3, 90),
    RNG.random(20),
    RNG.random(20),
)
LENGTHS = 8 * RNG.choice([-1.0, 1.0], 300)
Arrays = dict[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Original:
    """The tables of a published task, its answers, predictions that know nothing, perfect ones, and the points of the first."""

    tables: str
    answers: Arrays
    ignorant: Arrays
    perfect: Arrays
    points: int


ORIGINALS = {
    "heartbeats, balanced accuracy": Original(
        "[score]\nfloor = 0.75\nceiling = 0.98\n",
        {"labels": BEATS}, {"forest": np.zeros(400, np.int64)}, {"forest": BEATS}, 0,
    ),
    "hallucinations, ROC-AUC": Original(
        '[metric]\nscorer = "roc_auc"\n[score]\nfloor = 0.70\nceiling = 0.82\n',
        {"labels": BEATS}, {"model": np.full(400, 0.5)}, {"model": BEATS * 1.0}, 0,
    ),
    "order of dialogues, pairs averaged by dialogue": Original(
        '[metric]\nscorer = "group_accuracy"\nname = "pairwise order accuracy"\n[score]\nfloor = 0.5\nceiling = 1.0\n',
        {"labels": PAIRS}, {"order": 1 - PAIRS[:, 0]}, {"order": PAIRS[:, 0]}, 0,
    ),
    "four parts: pictures, kinds, mean and deviation": Original(
        '[[score.parts]]\nmetric = "psnr"\npredictions = "pictures"\npoints = 25\nfloor = 10\nceiling = 16\n'
        '[[score.parts]]\nmetric = "accuracy"\npredictions = "kinds"\npoints = 25\nfloor = 0.5\nceiling = 0.95\n'
        '[[score.parts]]\nmetric = "mse"\npredictions = "means"\npoints = 25\nsteps = [{at_most = 0.005, points = 25}]\n'
        '[[score.parts]]\nmetric = "mse"\npredictions = "spreads"\npoints = 25\n'
        "steps = [{at_most = 0.005, points = 25}, {at_most = 0.2, points = 10}]\n",
        {"pictures": PICTURES, "kinds": KINDS, "means": MEANS, "spreads": SPREADS},
        {
            "pictures": 1 - PICTURES, "kinds": np.zeros(90, np.int64), "means": np.full(20, 9.0),
            "spreads": np.full(20, SPREADS.mean()),
        },
        {"pictures": PICTURES, "kinds": KINDS, "means": MEANS, "spreads": SPREADS}, 10,
    ),
    "hidden subsequences, MSE from 64 to 0": Original(
        '[metric]\nscorer = "mse"\ndigits = 1\n[score]\nfloor = 64\nceiling = 0\n',
        {"labels": LENGTHS}, {"model": np.zeros(300)}, {"model": LENGTHS}, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("original", ORIGINALS.values(), ids=ORIGINALS.keys())
def test_a_published_task_is_said_as_it_is(original: Original, toy_task: Task, tmp_path: Path) -> None:
    task = replace(toy_task, spec=Spec.model_validate(tomllib.loads(HEAD + original.tables)))
    names: dict[str, Any] = {}
    exec(compile(scoring_code(task), "notebook", "exec"), names)
    performance: Callable[..., int] = names["performance"]
    np.savez(tmp_path / "answers.npz", **original.answers)  # type: ignore[arg-type]
    for given, expected in ((original.ignorant, original.points), (original.perfect, 100)):
        np.savez(tmp_path / "predictions.npz", **given)  # type: ignore[arg-type]
        value = measure(tmp_path / "predictions.npz", tmp_path / "answers.npz", task).value
        assert points(value, task.spec.score) == expected
        assert performance(predictions=given, answers=original.answers) == expected
