"""Who fails in the first call fails at the gate, with the verdict of the full run; who passes gets the full run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.notebooks.reading import Json
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

    Grade = Callable[[dict[str, str]], dict[str, Result]]

pytestmark = pytest.mark.slow

HEAD = "def your_weights(targets, losses):\n"
HONEST = HEAD + "    return torch.ones(len(targets))\n"
BROKEN = {
    "syntax": HEAD + "    return torch.ones(\n",
    "module": "import tensorflow\n" + HONEST,
    "raises": HEAD + "    print('so far')\n    return 1 / 0  # mine\n",
    "exits": HEAD + "    import os\n    os._exit(3)\n",
    "prints": HEAD + "    print('x' * 10**7)\n    return torch.ones(len(targets))\n",
    "hungry": HEAD + "    return torch.ones(10**10)\n",
    "floods": HEAD + "    return torch.ones(10**8)\n",
}


@pytest.fixture(scope="module")
def repeats(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> list[Repeat]:
    folder = tmp_path_factory.mktemp("evaluation")
    return prepare_repeats(toy_task, b"a secret for tests", folder, repeats=1, source="embedded")


@pytest.fixture
def grade(toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path, engine: LocalEngine) -> Grade:
    """Give a function that grades slots by student, in their order."""

    def run(slots: dict[str, str]) -> dict[str, Result]:
        submissions = [
            Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, text)).encode())
            for name, text in slots.items()
        ]
        settings = RunSettings("cpu", 60, "any")
        job = Job(toy_task, submissions, repeats, settings, tmp_path, 1, engine=engine)
        return {result.student: result for result in run_batch(job, Quiet())}

    return run


def frames(repeats: list[Repeat]) -> list[Path]:
    return sorted(repeats[0].inputs.parent.parent.rglob("*.frame"))


def test_the_gate_gives_the_verdict_of_the_full_run_without_training(
    grade: Grade, repeats: list[Repeat], tmp_path: Path
) -> None:
    assert grade({"honest": HONEST})["honest"].verdict == "scored"
    (frame,) = frames(repeats)
    aside = frame.rename(tmp_path / "aside")
    frame.mkdir()  # so nothing is known, and nothing can be kept
    full = grade(BROKEN)
    frame.rmdir()
    aside.rename(frame)
    again = grade({f"{name}-2": f"{slot}\nOTHER = 1\n" for name, slot in BROKEN.items()})
    for name, was in full.items():
        now = again[f"{name}-2"]
        assert (now.verdict, now.message, now.points) == (was.verdict, was.message, 0)
        assert now.traceback == was.traceback
        assert ("trainer.log" in names(was)) == (name != "syntax"), "the full run trains what compiles"
        assert "trainer.log" not in names(now), "the gate does not"
    shown = (Path(again["raises-2"].run_folder) / "repeat-0" / "executed.ipynb").read_text()
    assert "so far" in shown
    assert "1 / 0  # mine" in shown
    assert json.loads(shown)["nbformat"] == 4
    assert len(frames(repeats)) == 1
    assert not list(tmp_path.rglob("runs/**/*.frame"))


def names(result: Result) -> set[str]:
    return {path.name for path in Path(result.run_folder).rglob("*")}


def test_what_goes_wrong_later_or_is_slow_or_wrong_gets_the_full_run(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "grader.trainer.first_call._SECONDS", 1.0
    )  # others may take longer, too, and lose nothing
    late = (
        "calls = 0\n"
        + HEAD
        + "    global calls\n    calls += 1\n    return torch.ones(len(targets)) / (calls < 3)\n"
    )
    raising = (
        "calls = 0\n"
        + HEAD
        + "    global calls\n    calls += 1\n    assert calls < 3\n    return torch.ones(len(targets))\n"
    )
    counting = (
        "calls = 0\n"
        + HEAD
        + "    global calls\n    calls += 1\n    print(calls)\n    return torch.ones(len(targets))\n"
    )
    slow = (
        "import time\n"
        + HEAD
        + "    time.sleep(1.5 if not calls else 0)\n    calls.append(1)\n    return torch.ones(len(targets))\ncalls = []\n"
    )
    wrong = HEAD + "    return torch.ones(3)\n"
    found = grade(
        {
            "honest": HONEST,
            "late": late,
            "raising": raising,
            "slow": slow,
            "wrong": wrong,
            "counting": counting,
        }
    )
    assert {name: result.verdict.value for name, result in found.items()} == {
        "honest": "scored", "late": "invalid_output", "raising": "slot_error", "slow": "scored", "wrong": "invalid_output",
        "counting": "scored",
    }  # fmt: skip
    assert "in call 3" in found["raising"].message
    assert all("trainer.log" in names(result) for result in found.values())
    assert found["slow"].metrics == found["honest"].metrics, (
        "what the gate did to a slot does not reach the full run"
    )
    executed = json.loads((Path(found["counting"].run_folder) / "repeat-0" / "executed.ipynb").read_text())
    (cell,) = [cell for cell in executed["cells"] if "slot" in cell["metadata"].get("tags", [])]
    assert "".join(cell["outputs"][0]["text"]).splitlines()[:3] == ["1", "2", "3"]


def test_a_damaged_or_missing_frame_costs_only_the_gate(grade: Grade, repeats: list[Repeat]) -> None:
    assert grade({"honest": HONEST})["honest"].verdict == "scored"
    (frame,) = frames(repeats)
    frame.write_bytes(frame.read_bytes()[:40])
    found = grade({"raises": BROKEN["raises"], "other": HONEST + "OTHER = 2\n"})
    assert {name: result.verdict.value for name, result in found.items()} == {
        "raises": "slot_error",
        "other": "scored",
    }


def test_another_context_has_its_own_first_call(
    toy_task: Task, repeats: list[Repeat], starter: Json, tmp_path: Path, engine: LocalEngine
) -> None:
    before = len(frames(repeats))
    submission = Submission("a.ipynb", "a", json.dumps(rebuild(starter, HONEST)).encode())
    settings = RunSettings("cpu", 61, "any")
    once = [replace(repeats[0])]
    run_batch(Job(toy_task, [submission], once, settings, tmp_path, 1, engine=engine), Quiet())
    assert len(frames(repeats)) == before + 1
