"""A task with a class and two stages is graded like any other: under papermill, by the gate, in each repeat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from spoiling import as_class, spoil

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.build import write
from grader.task.evaluation import prepare_repeats
from grader.task.spec import read_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

pytestmark = pytest.mark.slow
TRAINED = "model, history = train(YourWeights(2).weigh)\n"
JUDGED = """answer = your_memory([parameter.detach().numpy() for parameter in model.parameters()])
if answer != 0:
    raise InvalidOutput(f"your_memory remembers {answer} batches")
"""
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


def staged(own_toy: Path) -> Task:
    """Return a toy task whose class weighs in one stage, and whose function is asked what it remembers in the next."""
    as_class(own_toy)
    spoil(own_toy, "notebook.py", TRAINED, TRAINED + JUDGED)
    after = "\n\ndef your_memory(parameters):\n    return 0\n"
    spoil(own_toy, "notebook.py", "        ### END BASELINE\n", f"        ### END BASELINE\n{after}")
    toml = own_toy / "task.toml"
    text = toml.read_text(encoding="utf-8").replace('["YourWeights"]', '["YourWeights", "your_memory"]')
    text = text.replace("weigh(targets", "your_memory(parameters), weigh(targets")
    stages = '[[stages]]\nentries = ["YourWeights"]\n[[stages]]\nentries = ["your_memory"]\n\n[score]'
    toml.write_text(text.replace("[score]", stages), encoding="utf-8")
    task = read_task(own_toy)
    write(task)
    return task


def test_a_task_with_a_class_and_two_stages_is_graded(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    task = staged(own_toy)
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
