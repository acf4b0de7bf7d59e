"""A new score.py measures the kept predictions: nothing of a student runs again, and what changes is shown first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from grader.notebooks.rebuild import rebuild
from grader.task.build import write
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SLOT = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
TABLES = 'schema = 2\n{}[metric]\nscorer = "score.py"\nname = "mean error"\nbest = "low"\n[score]\nfloor = 1.0\nceiling = 0.0\n{}'
ERROR = """
import numpy as np

def score(predictions, answers):
    return {"error": np.mean([np.mean(array != answers["labels"]) for array in predictions.values()])}
"""
BROKEN = ERROR.replace('answers["labels"]', 'answers["label"]')
STRICT = ERROR.replace("    return", '    raise InvalidOutput("the model names only one class")\n    return')
HALVED = ERROR.replace("np.mean([", "0.5 * np.mean([")


@pytest.fixture
def folder(own_toy: Path) -> Path:
    """The toy task with a score.py that fails, and what one student hands in."""
    spec = own_toy / "task.toml"
    head, rest = spec.read_text(encoding="utf-8").split("[score]\nfloor = 0.5\nceiling = 0.84\n")
    spec.write_text(TABLES.format(head, rest), encoding="utf-8")
    (own_toy / "score.py").write_text(BROKEN, encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    (own_toy.parent.parent / "ada.ipynb").write_text(json.dumps(rebuild(load_starter(task), SLOT)))
    return own_toy


@pytest.mark.slow
def test_predictions_are_kept_until_score_py_is_mended_and_measured_by_each_new_one(
    folder: Path, run: Run
) -> None:
    home = folder.parent.parent
    out, scorer = home / "results", folder / "score.py"

    def rows(*words: str | Path) -> dict[str, Any]:
        _, output, errors = run(*words, "--json")
        (row,) = json.loads(output) or [{}]
        assert not errors or "Traceback" not in errors
        return dict(row)

    held = rows("grade", folder, home / "ada.ipynb", "--out", out, "--repeats", "1")
    assert (held["verdict"], held["points"]) == ("grader_error", None)
    assert held["message"].startswith(
        "held for the organiser, score.py failed twice: score.py: KeyError in line 5"
    )
    assert len(list((out / "runs" / "ada").iterdir())) == 1, "it is not tried for ever"
    scorer.write_text(ERROR, encoding="utf-8")
    shown = rows("rescore", folder, "--out", out, "--dry-run")
    assert rows("results", out)["verdict"] == "grader_error", "nothing is recorded yet"
    assert rows("rescore", folder, "--out", out) == shown
    first = rows("results", out)
    assert (first["verdict"], first["points"], first["metrics"]["metric"]["name"]) == (
        "scored",
        shown["points"],
        "mean error",
    )
    assert first["points"] == round(100 * (1 - first["metrics"]["value"]))
    scorer.write_text(HALVED, encoding="utf-8")
    rows("rescore", folder, "--out", out)
    second = rows("results", out)
    assert second["metrics"]["value"] == pytest.approx(first["metrics"]["value"] / 2)
    assert second["points"] > first["points"]
    scorer.write_text(STRICT, encoding="utf-8")
    _, output, _ = run("rescore", folder, "--out", out)
    assert f"ada: {second['points']} -> 0 points (scored -> invalid_output)" in output
    scorer.write_text(ERROR, encoding="utf-8")
    rows("rescore", folder, "--out", out)
    assert rows("results", out)["points"] == first["points"], (
        "predictions that were refused are measured again"
    )
    assert len(list((out / "runs" / "ada").iterdir())) == 1, "nothing ran again"
    assert (
        rows("grade", folder, home / "ada.ipynb", "--out", out, "--repeats", "1")["points"] == first["points"]
    )
    assert len(list((out / "runs" / "ada").iterdir())) == 1
    before = (folder / "task.toml").read_text(encoding="utf-8")
    changed = before.replace("output_kb = ", "output_kb = 1")
    (folder / "task.toml").write_text(changed, encoding="utf-8")
    scorer.write_text(HALVED, encoding="utf-8")
    code, _, errors = run("rescore", folder, "--out", out)
    assert code == 2
    assert "are not those of ada's record: answers would differ; grade them again: grader regrade" in errors
    (folder / "task.toml").write_text(before, encoding="utf-8")
    scorer.write_text(STRICT, encoding="utf-8")
    rows("rescore", folder, "--out", out)
    (folder / "task.toml").write_text(changed, encoding="utf-8")
    scorer.write_text(ERROR, encoding="utf-8")
    assert rows("rescore", folder, "--out", out) == {}, "what was refused in another task stops nobody"
    assert rows("results", out)["verdict"] == "invalid_output"
