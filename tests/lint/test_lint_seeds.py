"""The linter finds a seed in what a function gets: the trainer's own, a draw of its generators, or one that nobody declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from grader.lint.task import read_subject
from grader.lint.task.seeds import check_first_call
from grader.sandbox.inside import wire
from grader.task.evaluation import Repeat
from grader.task.spec import load_task

if TYPE_CHECKING:
    from pathlib import Path

SEED = 2**62 + 12345
FIRST_DRAW = int(np.random.default_rng(SEED).integers(2**31))


@pytest.mark.parametrize(
    ("n_queries", "seed", "words"),
    [
        (64, 123456789, ""),
        (64, FIRST_DRAW, "query_pairs gets as seed the trainer's SEED or a draw of a generator"),
        (64, SEED + 1, "query_pairs gets as seed the trainer's SEED or a draw"),
        (64, 2**40, "more than 32 bits"),
        (123456789, 7, "query_pairs gets as n_queries a number as large as a seed"),
    ],
    ids=["derived", "a draw", "the next one", "too wide", "not declared"],
)
def test_a_seed_of_the_run_in_the_first_call_is_found(
    n_queries: int, seed: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "inputs").mkdir()
    args: list[Any] = [np.full((898, 8), -1), None, n_queries, seed]
    question = {"kind": "call", "number": 1, "entry": "query_pairs", "args": args}
    (tmp_path / "first_call-0.frame").write_bytes(wire.frame(question))
    repeat = Repeat(0, tmp_path / "inputs", tmp_path / "answers.npz", SEED, 1, "m")
    finding = check_first_call(read_subject(load_task("multi_annotator_al")), repeat)
    assert finding.ok == (not words)
    assert words in finding.detail
