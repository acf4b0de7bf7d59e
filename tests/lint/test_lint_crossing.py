"""The linter measures the arguments of the first call against the caps, and authors learn which cell sends too much."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from recorded import result_named
from spoiling import spoil

from grader.errors import Verdict
from grader.lint.task import read_subject
from grader.lint.task.crossing import check_crossing
from grader.notebooks.reading import labels
from grader.sandbox.inside import wire
from grader.task.evaluation import Repeat
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from grader.task.spec import Task

SENTENCE = (
    "the arguments of your_weights hold a set, which cannot cross; pass arrays, numbers, texts or bytes"
)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (np.zeros(100), ""),
        (np.zeros(7 << 20), "takes 56 of 64 MB of arrays and bytes; raise limits.argument_mb"),
        ("x" * 900_000, "takes 0.858 of 1 MB of texts and numbers; raise limits.text_mb"),
        ([0] * 90_000, "takes 9e+04 of 100000 values; raise limits.values"),
    ],
    ids=["small", "arrays", "text", "values"],
)
def test_a_first_call_that_leaves_no_room_below_a_cap_is_found(
    argument: Any, words: str, toy_task: Task, tmp_path: Path
) -> None:
    (tmp_path / "inputs").mkdir()
    question = {"kind": "call", "number": 1, "entry": "your_weights", "args": [argument]}
    (tmp_path / "first_call-0.frame").write_bytes(wire.frame(question))
    repeat = Repeat(0, tmp_path / "inputs", tmp_path / "answers.npz", 1, 1, "m")
    finding = check_crossing(read_subject(toy_task), {}, repeat)
    assert finding.ok == (not words)
    assert words in finding.detail


def test_arguments_that_were_refused_in_a_run_are_found(toy_task: Task, tmp_path: Path) -> None:
    repeat = Repeat(0, tmp_path / "inputs", tmp_path / "answers.npz", 1, 1, "m")
    refused = result_named("starter", Verdict.GRADER_ERROR, None)
    result = replace(refused, message=f"Training (cell 20): {SENTENCE}")
    finding = check_crossing(read_subject(toy_task), {"starter": result}, repeat)
    assert (finding.ok, finding.detail) == (False, f"Training (cell 20): {SENTENCE}")


@pytest.mark.slow
def test_check_tells_an_author_the_cell_whose_arguments_cannot_cross(
    run: Run, own_toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.grading.engine.BACK_OFF_SECONDS", ())
    task = spoil(own_toy, "notebook.py", "weigh(targets.detach().cpu().clone(), ", "weigh({1}, ")
    code, out, _ = run(
        "check", task.starter, "--task", own_toy, "--repeats", 1, "--out", own_toy.parent / "runs"
    )
    assert code == 3
    assert f"grader_error: {labels(load_starter(task))[-1]}: {SENTENCE}" in out
    assert "This is your own task" in out
    assert "instructor" not in out
