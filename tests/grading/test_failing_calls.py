"""A call that fails ends the run with its own words, whatever protected code makes of it, or costs its item where the task says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from spoiling import spoil

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.task.spec import Task

pytestmark = pytest.mark.slow
CALL = "weights = weigh(targets.detach().cpu().clone(), losses.detach().cpu().clone())"
CAUGHT = f"""try:
                {CALL}
            except Exception:
                weights = None
            if weights is None:
                weights = torch.ones(len(targets))"""
FAILING = """calls = []
def your_weights(targets, losses):
    calls.append(1)
    if len(calls) in (3, 5):
        raise ValueError(f"no weights in call {len(calls)}")
    return torch.ones(len(targets))
"""


def graded(task: Task, slot: str, out: Path, engine: LocalEngine) -> Result:
    """Grade one slot in one repeat, the second time on the kept first call."""
    data = json.dumps(rebuild(load_starter(task), slot)).encode()
    repeats = prepare_repeats(task, b"sixteen bytes or more", out / "e", repeats=1, source="embedded")
    settings = RunSettings("cpu", 60, "any")
    job = Job(task, [Submission("a.ipynb", "a", data)], repeats, settings, out, 1, engine=engine)
    (result,) = run_batch(job, Quiet())
    return result


def test_protected_code_that_catches_a_failure_does_not_hide_it(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    task = spoil(own_toy, "notebook.py", CALL, CAUGHT)
    result = graded(task, FAILING, tmp_path / "out", engine)
    assert (result.verdict, result.points) == (Verdict.SLOT_ERROR, 0)
    assert result.message == "your_weights raised ValueError: no weights in call 3 (in call 3)"
    assert 'raise ValueError(f"no weights' in result.traceback


def test_a_failing_call_costs_its_item_and_the_result_says_so(
    own_toy: Path, tmp_path: Path, engine: LocalEngine
) -> None:
    spoil(
        own_toy,
        "notebook.py",
        CALL,
        CALL + "\n            weights = torch.ones(len(targets)) if isinstance(weights, int) else weights",
    )
    text = (own_toy / "task.toml").read_text(encoding="utf-8")
    task = spoil(own_toy, "task.toml", text, f'on_error = "item"\nitem_default = -1\n{text}')
    result = graded(task, FAILING, tmp_path / "out", engine)
    assert result.verdict is Verdict.SCORED
    sentence = "2 of 100 calls failed and cost their items; the first was call 3: your_weights raised ValueError: no weights in call 3"
    assert result.penalties == [f"repeat 1: {sentence}"]
    assert result.message.endswith(f"with a penalty: repeat 1: {sentence}")
    executed = (tmp_path / "out" / result.run_folder).joinpath("repeat-0", "executed.ipynb")
    assert "call 3 failed:" in executed.read_text(encoding="utf-8")
