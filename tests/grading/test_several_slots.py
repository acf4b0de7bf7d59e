"""The slots of a task run as one program in one process, or each in the process of its stage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from spoiling import as_slots

from grader.errors import Verdict
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slots import join, slot_cells
from grader.report.run_files import run_files
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

pytestmark = pytest.mark.slow
WEIGHTS = """print("weights are ready")
calls = []
def your_weights(targets, losses):
    calls.append(1)
    return torch.ones(len(targets))
"""
MEMORY = """print("memory is ready")
def your_memory(parameters):
    return 0 if len(calls) == 100 else len(calls)
"""
ALONE = "def your_memory(parameters):\n    return len(globals().get('calls', ''))\n"
FAILING = "# a line\ndef your_memory(parameters):\n    return 1 // 0\n"


def graded(task: Task, slots: dict[str, str], out: Path, engine: LocalEngine) -> dict[str, Result]:
    """Return the results of submissions that have these texts in the slot `memory`, by name."""
    starter = load_starter(task)
    submissions = [
        Submission(
            f"{name}.ipynb",
            name,
            json.dumps(rebuild(starter, join(slot_cells(starter), [WEIGHTS, text]))).encode(),
        )
        for name, text in slots.items()
    ]
    repeats = prepare_repeats(task, b"sixteen bytes or more", out / "e", repeats=1, source="embedded")
    job = Job(task, submissions, repeats, RunSettings("cpu", 60, "any"), out, 1, engine=engine)
    return {result.student: result for result in run_batch(job, Quiet())}


def test_two_slots_share_a_process_and_a_traceback_names_the_cell(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    out = tmp_path / "out"
    results = graded(as_slots(own_toy), {"honest": MEMORY, "failing": FAILING}, out, engine)
    honest, failing = results["honest"], results["failing"]
    assert honest.verdict is Verdict.SCORED, honest.message
    files = run_files(out, honest, honest)
    assert [view.printed for view in files.repeats] == ["weights are ready\nmemory is ready"]
    assert files.source is not None
    assert WEIGHTS in files.source
    assert MEMORY in files.source
    assert failing.verdict is Verdict.SLOT_ERROR
    assert "your solution (memory), line 3, in your_memory" in failing.traceback
    kept = json.loads(RunFolder.of(out, failing).submission.read_text(encoding="utf-8"))
    assert [cell.source for cell in slot_cells(kept)] == [WEIGHTS, FAILING]


def test_with_stages_each_slot_runs_in_the_process_of_its_stage_alone(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    task = as_slots(own_toy, staged=True)
    results = graded(task, {"alone": ALONE, "other": MEMORY}, tmp_path / "out", engine)
    assert results["alone"].verdict is Verdict.SCORED, results["alone"].message
    assert "NameError: name 'calls' is not defined" in results["other"].message
