"""A task's own score.py runs in a process with limits; whatever fails in it is never points, and an InvalidOutput is the student's."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader.errors import GraderFault, ScorerFault, StudentFault, Verdict
from grader.task.own_scorer import run_scorer
from grader.task.scoring import measure, measure_all
from grader.task.spec import read_task

if TYPE_CHECKING:
    from pathlib import Path

    from grader.task.spec import Task

CHECKED = """
import numpy as np

def score(predictions, answers):
    print("a print is no answer")
    if predictions["model"].shape != answers["labels"].shape:
        raise InvalidOutput("there must be one number for each sample")
    return {"error": np.abs(predictions["model"] - answers["labels"]).mean(), "worst": 2}
"""
FAILING = {
    "an exception": ("def score(predictions, answers):\n    return answers['none']", "KeyError in line 2"),
    "a value that is NaN": ("def score(predictions, answers):\n    return {'error': float('nan')}", "error is nan"),
    "a value that is infinite": ("def score(predictions, answers):\n    return {'e': -float('inf')}", "e is -inf"),
    "no table": ("def score(predictions, answers):\n    return 0.7", "returned a float"),
    "an empty table": ("def score(predictions, answers):\n    return {}", "returned a dict"),
    "a text": ("def score(predictions, answers):\n    return {'error': 'low'}", "ValueError"),
    "no function": ("x = 1", "KeyError.*score"),
    "a syntax error": ("def score(", "SyntaxError"),
    "an exit": ("import sys\ndef score(predictions, answers):\n    sys.exit(0)", "SystemExit in line 3"),
    "a dead process": ("import os\ndef score(predictions, answers):\n    os._exit(3)", "ended with exit code 3"),
    "a forged answer": (
        "import os\ndef score(predictions, answers):\n    os.write(1, b'{\"measured\": {\"error\": 1.0}}\\n')\n    os._exit(0)",
        "ended with exit code 0",
    ),
    "too much memory": ("import numpy\ndef score(predictions, answers):\n    numpy.ones(1 << 33)", "MemoryError"),
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    predictions, answers = tmp_path / "predictions.npz", tmp_path / "answers.npz"
    np.savez(predictions, model=np.array([1.0, 2.0]))
    np.savez(answers, labels=np.array([1.0, 4.0]))
    return predictions, answers


def test_what_score_py_returns_is_measured_and_its_prints_go_elsewhere(files: tuple[Path, Path]) -> None:
    assert run_scorer(CHECKED, *files) == {"error": 1.0, "worst": 2.0}


def test_an_invalid_output_is_the_students(files: tuple[Path, Path]) -> None:
    np.savez(files[0], model=np.array([1.0]))
    with pytest.raises(StudentFault, match="one number for each sample") as caught:
        run_scorer(CHECKED, *files)
    assert caught.value.verdict is Verdict.INVALID_OUTPUT


@pytest.mark.parametrize(("source", "says"), FAILING.values(), ids=FAILING.keys())
def test_whatever_else_fails_is_the_scorers(files: tuple[Path, Path], source: str, says: str) -> None:
    with pytest.raises(ScorerFault, match=says):
        run_scorer(source, *files)


def test_a_scorer_that_never_ends_is_stopped(files: tuple[Path, Path]) -> None:
    with pytest.raises(ScorerFault, match=r"took more than 1 s|ended with exit code"):
        run_scorer("def score(predictions, answers):\n    while True: pass", *files, wall_seconds=1)


def with_scorer(folder: Path, source: str, tables: str) -> Task:
    """Return the toy task of `folder` with a score.py and other tables than those of its map."""
    path = folder / "task.toml"
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("[score]\nfloor = 0.5\nceiling = 0.84\n")
    path.write_text(f'schema = 2\n{head}[metric]\nscorer = "score.py"\n{tables}{rest}', encoding="utf-8")
    (folder / "score.py").write_text(source, encoding="utf-8")
    return read_task(folder)


LOW = 'name = "mean error"\nbest = "low"\n[score]\nfloor = 3.0\nceiling = 0.5\n'
PARTS = (
    '[[score.parts]]\nmetric = "error"\npoints = 60\nfloor = 3\nceiling = 0\n'
    '[[score.parts]]\nmetric = "worst"\npoints = 40\nsteps = [{at_most = 2, points = 40}]\n'
)


def test_a_task_measures_by_its_score_py(own_toy: Path, files: tuple[Path, Path]) -> None:
    task = with_scorer(own_toy, CHECKED, LOW)
    assert task.metric.name == "mean error"
    assert measure(*files, task).value == 1.5, "the mean of what it returns"


def test_parts_name_what_score_py_returns(own_toy: Path, files: tuple[Path, Path]) -> None:
    task = with_scorer(own_toy, CHECKED, PARTS)
    score = measure(*files, task)
    assert (score.measured, score.value) == ({"error": 1.0, "worst": 2.0}, 80.0)
    broken = replace(task, spec=task.spec)
    vars(broken)["score_source"] = CHECKED.replace('"worst"', '"wurst"')
    with pytest.raises(ScorerFault, match=r"\['error', 'wurst'\], but task.toml also needs 'worst'"):
        measure(*files, broken)


def test_repeats_that_measure_different_things_have_no_mean(
    own_toy: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    named = "def score(predictions, answers):\n    return {f'above {int(predictions[\"model\"][0])}': 1}"
    other = tmp_path / "other.npz"
    np.savez(other, model=np.array([2.0, 2.0]))
    task = with_scorer(own_toy, named, LOW)
    assert [score.value for score in measure_all([files, files], task)] == [1.0, 1.0]
    with pytest.raises(ScorerFault, match=r"repeat 2 measured \['above 2'\], the first \['above 1'\]"):
        measure_all([files, (other, files[1])], task)


def test_another_score_py_is_another_metric_and_another_version_of_the_same_run(own_toy: Path) -> None:
    task = with_scorer(own_toy, CHECKED, LOW)
    metric, version = task.metric, task.version
    (own_toy / "score.py").write_text(CHECKED.replace("worst", "best"), encoding="utf-8")
    other = read_task(own_toy)
    assert other.metric.scorer != metric.scorer
    assert other.version != version
    assert other.run_digest == task.run_digest


def test_a_task_that_was_read_measures_where_its_folder_is_not(
    own_toy: Path, files: tuple[Path, Path]
) -> None:
    task = with_scorer(own_toy, CHECKED, LOW)
    assert task.metric.name == "mean error"
    sent = pickle.loads(pickle.dumps(task))
    shutil.rmtree(own_toy)
    assert measure(*files, sent).value == 1.5


def test_files_that_cannot_be_read_are_not_the_fault_of_score_py(
    own_toy: Path, files: tuple[Path, Path]
) -> None:
    task = with_scorer(own_toy, CHECKED, LOW)
    files[0].write_bytes(b"no zip")
    with pytest.raises(GraderFault, match="cannot be read") as caught:
        measure(*files, task)
    assert not isinstance(caught.value, ScorerFault)
