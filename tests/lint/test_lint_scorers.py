"""A score.py that scores what it should refuse, or fails on it, is found; so is a notebook whose points are not the grader's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from spoiling import spoil

from grader.errors import UsageError
from grader.findings import Finding
from grader.lint.task import allowed, read_subject
from grader.lint.task.score_map import check_score_map
from grader.lint.task.scorers import check_notebook_points, check_scorer, ending, mutations
from grader.task.scoring import measure, points

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

NAIVE = """
import numpy as np

def score(predictions, answers):
    return {"error": np.abs(predictions["model"] - answers["labels"]).mean()}
"""
CAREFUL = NAIVE.replace(
    "    return",
    """    model, labels = predictions["model"], answers["labels"]
    if model.dtype.kind != "f" or model.shape != labels.shape or not np.isfinite(model).all():
        raise InvalidOutput("there must be one finite number for each sample")
    return""",
)
# 100 points for the answers, and more for one row that stands for all.
BACKWARDS = CAREFUL.replace(
    'np.abs(predictions["model"] - answers["labels"]).mean()', 'predictions["model"].std()'
)
TABLES = '[metric]\nscorer = "score.py"\nbest = "low"\n[score]\nfloor = 3\nceiling = 0\n'
OLD = "[score]\nfloor = 0.5\nceiling = 0.84\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rng, predictions, answers = (
        np.random.default_rng(0),
        tmp_path / "predictions.npz",
        tmp_path / "answers.npz",
    )
    labels = rng.normal(0, 2, 30)
    np.savez(answers, labels=labels)
    np.savez(predictions, model=labels + rng.normal(0, 0.3, 30))
    return predictions, answers


def own(folder: Path, source: str) -> Task:
    (folder / "score.py").write_text(source, encoding="utf-8")
    spoil(folder, "task.toml", "title =", "schema = 2\ntitle =")
    return spoil(folder, "task.toml", OLD, TABLES)


FOUND = {
    "naive": (NAIVE, ["a missing row: score.py: ValueError in line 5", "an extra row: ", "texts: "]),
    "careful": (CAREFUL, []),
}


@pytest.mark.parametrize(("source", "says"), FOUND.values(), ids=FOUND.keys())
def test_a_score_py_is_tried_on_spoilt_predictions(
    own_toy: Path, files: tuple[Path, Path], source: str, says: list[str]
) -> None:
    finding = check_scorer(own(own_toy, source), *files)
    assert finding.ok is (not says)
    for text in says:
        assert text in finding.detail


def test_spoilt_predictions_that_get_more_than_a_good_run_are_found(
    own_toy: Path, files: tuple[Path, Path]
) -> None:
    task = own(own_toy, BACKWARDS)
    with np.load(files[0]) as opened:
        constant = np.full_like(opened["model"], opened["model"][0])
    np.savez(files[0], model=constant)
    (sentence,) = ending("one row for all", *files, task=task, best=2.0)
    assert sentence == "one row for all: score.py gives 0.000, and 2.000 to a good run"


def test_predictions_are_spoilt_in_every_way_that_applies_to_them() -> None:
    floats, integers = np.array([0.5, 1.5, 2.5]), np.array([1, 2, 3], np.int32)
    kinds = {
        name: spoilt
        for name, spoilt, _ in mutations({"a": floats, "b": integers}, {"a": integers, "b": integers})
    }
    assert set(kinds) >= {
        "NaN",
        "an infinity",
        "a huge integer",
        "a missing array",
        "shuffled answers",
        "no rows",
    }
    assert np.isnan(kinds["NaN"]["a"][0])
    assert np.array_equal(kinds["NaN"]["b"], integers), "integers hold none"
    assert kinds["a huge integer"]["b"][0] == np.iinfo(np.int32).max
    assert [len(array) for array in kinds["an extra row"].values()] == [4, 4]
    only = {name for name, *_ in mutations({"a": integers}, {"labels": integers})}
    assert not only & {"NaN", "a missing array", "shuffled answers"}


WRITTEN = """    recalls = [(predictions[labels == label] == label).mean() for label in np.unique(labels)]
    share = (np.mean(recalls) - {{ score.floor }}) / ({{ score.ceiling }} - {{ score.floor }})
    return int(round(100 * min(max(share, 0), 1)))
"""
BY_PLACEHOLDER = """    raise NotImplementedError


# %%
# {{ score.py }}
"""


def rewritten(folder: Path, metric: str) -> Task:
    """Return the toy task with another metric, and a notebook that writes it by placeholders."""
    spoil(folder, "task.toml", "title =", "schema = 2\ntitle =")
    spoil(folder, "task.toml", OLD, f'[metric]\nscorer = "{metric}"\n{OLD}')
    spoil(
        folder, "notebook.py", "def performance(labels, predictions):", "def _earlier(labels, predictions):"
    )
    spoil(folder, "notebook.py", WRITTEN, BY_PLACEHOLDER)
    spoil(
        folder, "notebook.py", 'performance(val_data["y"], predict(model, val_data["x"]))',
        'performance(predictions={"model": predict(model, val_data["x"])}, answers={"model": val_data["y"]})',
    )  # fmt: skip
    return spoil(
        folder,
        "notebook.py",
        "# Balanced accuracy (BAC) on hidden data",
        "# {{ score.rules }}\n# On hidden data",
    )


def test_a_metric_in_a_notebook_of_placeholders_is_the_same_everywhere(own_toy: Path, tmp_path: Path) -> None:
    task = rewritten(own_toy, "macro_f1")
    subject = read_subject(task)
    assert check_score_map(subject).ok
    labels = np.random.default_rng(0).integers(0, 2, 200)
    guesses = np.where(np.random.default_rng(1).random(200) < 0.7, labels, 1 - labels)
    np.savez(tmp_path / "answers.npz", labels=labels)
    np.savez(tmp_path / "predictions.npz", model=guesses)
    pair = [tmp_path / "predictions.npz"], [tmp_path / "answers.npz"]
    earned = points(measure(pair[0][0], pair[1][0], task).value, task.spec.score)
    finding = check_notebook_points(subject, *pair)
    assert finding == Finding(
        "notebook points", ok=True, detail=f"the same as the grader's, {earned} points over 1 run"
    )
    other = replace(subject, task=spoil(own_toy, "task.toml", "macro_f1", "accuracy"))
    rare = (np.arange(200) < 20).astype(np.int64)
    np.savez(tmp_path / "answers.npz", labels=rare)
    np.savez(tmp_path / "predictions.npz", model=0 * rare)
    finding = check_notebook_points(other, *pair)
    assert not finding.ok
    assert "points for a run that gets" in finding.detail


def test_a_notebook_that_writes_another_metric_itself_is_found(own_toy: Path) -> None:
    spoil(own_toy, "task.toml", "title =", "schema = 2\ntitle =")
    task = spoil(own_toy, "task.toml", OLD, f'[metric]\nscorer = "accuracy"\n{OLD}')
    finding = check_score_map(read_subject(task))
    assert not finding.ok
    assert "{{ score.rules }} in the statement" in finding.detail
    assert "# {{ score.py }} as a protected cell" in finding.detail


def test_a_finding_that_is_allowed_needs_a_reason_and_shows_it(own_toy: Path) -> None:
    text = '[lint]\nallow = ["traces"]\nreason = "rows of a permutation are transitive"\n\n[limits]\n'
    task = spoil(own_toy, "task.toml", "[limits]\n", text)
    bad, other = Finding("traces", ok=False, detail="the order tells"), Finding("zip", ok=False, detail="z")
    assert allowed([bad, other], task) == [
        Finding(
            "traces",
            ok=True,
            detail="allowed by task.toml: rows of a permutation are transitive (the order tells)",
        ),
        other,
    ]
    with pytest.raises(UsageError, match=r"lint\.allow needs lint\.reason"):
        spoil(own_toy, "task.toml", 'reason = "rows of a permutation are transitive"\n', "")
