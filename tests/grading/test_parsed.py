"""A submission is read once, whatever comes of it later."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from recorded import QuickEngine, Quiet

from grader.errors import GraderFault, StudentFault, Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading import parsed
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.grading.parsed import parse
from grader.notebooks import reading, slot
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import Repeat

if TYPE_CHECKING:
    from pathlib import Path

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

STARTER_OF_FILES = {"cells": [], "metadata": {"grader": {"hand_in": {"name": "predictions.npy"}}}}
HONEST = "# 0.7\ndef your_weights(targets, losses):\n    return 1\n"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often a notebook is read, and how often its slot is looked for."""
    counts: Counter[str] = Counter()

    def counting(module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted_call(*arguments: Any) -> Any:
            counts[name] += 1
            return original(*arguments)

        monkeypatch.setattr(module, name, counted_call)

    counting(reading, "_parse")  # what `read_notebook` and `find_slot` stand on, whoever calls them
    counting(slot, "slot_numbers")
    counting(parsed, "slot_numbers")
    return counts


def sent(starter: Json, **slots: str) -> list[Submission]:
    return [
        Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, text)).encode())
        for name, text in slots.items()
    ]


def job(task: Task, submissions: list[Submission], out: Path, **named: Any) -> Job:
    repeats = [Repeat(0, out / "inputs", out / "answers.npz", 1, 2, "mark")]
    out.mkdir(exist_ok=True)
    return Job(task, submissions, repeats, RunSettings("cpu", 60, "any"), out, 1, **named)


def test_a_notebook_is_read_and_its_slot_looked_for_once_in_a_batch(
    toy_task: Task, starter: Json, tmp_path: Path, counted: Counter[str]
) -> None:
    submissions = sent(starter, a=HONEST, copy=HONEST.replace("0.7", "0.7 copied"), c=HONEST + "C = 1\n")
    counted.clear()
    made = job(toy_task, submissions, tmp_path / "out", engine=QuickEngine())
    results = run_batch(made, Quiet())
    assert [bool(result.identical_to) for result in results] == [False, True, False]
    starters = 1  # ours is read once, too
    assert counted == {"_parse": len(submissions) + starters, "slot_numbers": len(submissions)}
    counted.clear()
    run_batch(made, Quiet())
    assert counted == {"_parse": starters}, "what is known is not read again"


def test_an_engine_reads_nothing_again(
    toy_task: Task, starter: Json, tmp_path: Path, counted: Counter[str]
) -> None:
    broken = Submission("b.ipynb", "b", b"no JSON")
    submissions = [*sent(starter, a="def your_weights(targets, losses)\n"), broken]
    counted.clear()
    with LocalEngine() as engine:
        results = run_batch(job(toy_task, submissions, tmp_path / "out", engine=engine), Quiet())
    assert [result.verdict for result in results] == [Verdict.SLOT_ERROR, Verdict.INVALID_NOTEBOOK]
    assert counted == {"_parse": 3, "slot_numbers": 1}


def test_what_cannot_be_read_is_kept_as_its_fault(starter: Json, tmp_path: Path) -> None:
    gone = parse(Submission("a.ipynb", "a", tmp_path / "gone"), starter)
    assert isinstance(gone.fault, GraderFault)
    assert gone.may_be_read_again
    empty = parse(Submission("a.ipynb", "a", b""), starter)
    assert isinstance(empty.fault, StudentFault)
    assert not empty.may_be_read_again
    named = parse(Submission("a.ipynb", "a", None, GraderFault("no rights")), starter)
    assert (str(named.fault), named.may_be_read_again) == ("no rights", False)


def test_a_bug_of_ours_while_reading_is_our_failure_and_ends_no_batch(
    toy_task: Task, starter: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("grader.grading.parsed.changed_cells", broken)
    monkeypatch.setattr("grader.grading.engine.BACK_OFF_SECONDS", (0.0,))
    (result,) = run_batch(job(toy_task, sent(starter, a=HONEST), tmp_path / "out"), Quiet())
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)
    assert result.message == "ZeroDivisionError: ours"


def test_a_file_that_changes_after_it_was_read_is_not_kept_as_what_was_graded(
    starter: Json, tmp_path: Path
) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(json.dumps(rebuild(starter, HONEST)).encode())
    parsed = parse(Submission("a.ipynb", "a", path), starter)
    assert parsed.data() == path.read_bytes()
    path.write_bytes(b"{}")
    with pytest.raises(GraderFault, match="was changed while it was graded"):
        parsed.data()


def test_a_name_of_another_cell_is_found_without_the_outputs(starter: Json) -> None:
    notebook = rebuild(starter, HONEST)
    helper = {"cell_type": "code", "metadata": {}, "source": "def helper(): ...", "outputs": [{"x": 1}]}
    notebook["cells"].append(helper)
    parsed = parse(Submission("a.ipynb", "a", json.dumps(notebook).encode()), starter)
    assert "`helper` is defined in another cell" in parsed.explain_missing("helper", starter)
    assert parsed.explain_missing("nobody", starter) == ""
    assert "your function sees only its arguments" in parsed.explain_missing("train", starter)
    assert not [cell for cell in parsed.cells if "outputs" in cell]


def test_a_file_that_breaks_the_reading_of_it_costs_the_batch_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaking(name: str, data: bytes) -> str:
        raise OverflowError(f"{name}: {len(data)}")

    monkeypatch.setattr(parsed, "excerpt", breaking)
    submission = parse(Submission("handed_in.npy", "ada", b"123"), STARTER_OF_FILES)
    assert isinstance(submission.fault, GraderFault)
    assert "predictions.npy: 3" in str(submission.fault)
    assert submission.ending == ".npy"
