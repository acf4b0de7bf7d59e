"""A task with a class and two stages is graded like any other: under papermill, by the gate, in each repeat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from spoiling import as_stages

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.grading.engine import LocalEngine

pytestmark = pytest.mark.slow
HONEST = """batches = []
class YourWeights:
    def __init__(self, scale):
        self.scale = scale
    def weigh(self, targets, losses):
        batches.append(targets)
        return self.scale * torch.ones(len(targets))
def your_memory(parameters):
    return len(batches)
"""


def test_a_task_with_a_class_and_two_stages_is_graded(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    task = as_stages(own_toy)
    cheating = HONEST.replace("return len(batches)", "raise ValueError(str(len(batches)))")
    slots = {"honest": HONEST, "failing": cheating, "again": HONEST + "# once more\n"}
    submissions = [
        Submission(f"{name}.ipynb", name, json.dumps(rebuild(load_starter(task), slot)).encode())
        for name, slot in slots.items()
    ]
    repeats = prepare_repeats(
        task, b"sixteen bytes or more", tmp_path / "out" / "e", repeats=2, source="embedded"
    )
    job = Job(task, submissions, repeats, RunSettings("cpu", 60, "any"), tmp_path / "out", 1, engine=engine)
    results = {result.student: result for result in run_batch(job, Quiet())}
    assert results["honest"].verdict is Verdict.SCORED, results["honest"].message
    assert results["failing"].message.startswith("your_memory raised ValueError: 0")
    assert results["again"].points == results["honest"].points
    assert list((tmp_path / "out" / "e").rglob("first_call-*.frame")), "the gate knows the first call"
    assert all(memory is not None for memory in results["honest"].memory_mb)
