"""One submission, end to end, for each way it can end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest

from grader.errors import Verdict
from grader.gradebook.gradebook import reading
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import Repeat, prepare_repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.gradebook.result import Result
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

    Grade = Callable[..., list[Result]]

pytestmark = pytest.mark.slow


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.shares: list[float] = []

    def on_line(self, student: str, line: str) -> None: ...

    def on_progress(self, student: str, repeat: int, share: float) -> None:  # noqa: ARG002 -- the watcher's form
        self.shares.append(share)

    def on_known(self, count: int) -> None:
        self.known = count

    def on_result(self, result: Result) -> None:
        pass

    def on_notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.fixture(scope="module")
def repeats(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> list[Repeat]:
    folder = tmp_path_factory.mktemp("evaluation")
    return prepare_repeats(toy_task, b"a secret for tests", folder, repeats=2, source="embedded")


@pytest.fixture
def grade(toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path, engine: LocalEngine) -> Grade:
    """Give a function that grades slots, by name, and returns their results."""

    def run(
        slots: dict[str, str],
        *,
        jobs: int = 1,
        cold: bool = False,
        wall_seconds: float = 60,
        out: Path = tmp_path,
        watcher: Notes | None = None,
        again: bool = False,
        engine: LocalEngine = engine,
        seeds: int = 1,
    ) -> list[Result]:
        submissions = [
            Submission(path=f"{name}.ipynb", student=name, data=json.dumps(rebuild(starter, slot)).encode())
            for name, slot in slots.items()
        ]
        settings = RunSettings("cpu", wall_seconds, "any", cold=cold)
        job = Job(toy_task, submissions, repeats[:seeds], settings, out, jobs, again=again, engine=engine)
        return run_batch(job, watcher or Notes())

    return run


HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
RANDOM = "def your_weights(targets, losses):\n    return torch.rand(len(targets))\n"

COUNTING = """calls = []
def your_weights(targets, losses):
    calls.append(1)
    assert len(calls) < 3
    return torch.ones(len(targets))
"""

# name -> slot, verdict, words of the message, words of the traceback
ENDS: dict[str, tuple[str, Verdict, str, str]] = {
    "exception": (
        "def your_weights(targets, losses):\n    one = 1\n    return one / 0\n",
        Verdict.SLOT_ERROR, "ZeroDivisionError", "line 3, in your_weights",
    ),
    "exception in a later call": (
        COUNTING,
        Verdict.SLOT_ERROR, "in call 3", "line 4, in your_weights",
    ),
    "exception at definition": ("raise ValueError('not today')\ndef your_weights(t, l): ...\n",
        Verdict.SLOT_ERROR, "not today", "line 1"),
    "what the sandbox refuses": ("x = input('How much? ')\n" + HONEST,
        Verdict.SLOT_ERROR, "Nobody can type an answer while your function is graded", "line 1"),
    "syntax error": ("def your_weights(targets, losses)\n    return 1\n", Verdict.SLOT_ERROR, "SyntaxError", "line 1"),
    "wrong shape": ("def your_weights(targets, losses):\n    return torch.ones(3)\n",
        Verdict.INVALID_OUTPUT, "return (80,)", ""),
    "nan": ("def your_weights(targets, losses):\n    return losses * float('nan')\n",
        Verdict.INVALID_OUTPUT, "NaN", ""),
    "an object": ("def your_weights(targets, losses):\n    return your_weights\n",
        Verdict.INVALID_OUTPUT, "function", ""),
    "gigantic": ("def your_weights(targets, losses):\n    return torch.zeros(1 << 26)\n",
        Verdict.INVALID_OUTPUT, "MB", ""),
    "exit": ("import os\ndef your_weights(targets, losses):\n    os._exit(0)\n",
        Verdict.SLOT_CRASHED, "exit code 0", ""),
    "output": ("def your_weights(targets, losses):\n    while True: print('x' * 1000)\n",
        Verdict.OUTPUT_LIMIT, "printed more", ""),
    "memory": ("def your_weights(targets, losses):\n    return torch.ones(1 << 33)\n",
        Verdict.MEMORY_LIMIT, "memory", "line 2"),
}  # fmt: skip


def test_each_way_to_fail_has_its_verdict_its_sentence_and_the_students_own_lines(grade: Grade) -> None:
    results = grade({name: slot for name, (slot, *_) in ENDS.items()} | {"honest": HONEST})
    for result in results[:-1]:
        _, verdict, words, lines = ENDS[result.student]
        assert (result.verdict, result.points, result.metrics) == (verdict, 0, None), result
        assert words in result.message, result
        assert lines in result.traceback, result
        assert "/" not in result.traceback.replace("one / 0", ""), "a path of ours is shown"
    assert results[-1].verdict is Verdict.SCORED, "the next submission is graded correctly"


def test_an_endless_loop_is_stopped_by_the_wall_clock(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "grader.trainer.first_call._SECONDS", 1.0
    )  # the gate stops it before, and says nothing
    (result,) = grade({"loop": "def your_weights(t, l):\n    while True: pass\n"}, wall_seconds=4)
    assert (result.verdict, result.points) == (Verdict.TIME_LIMIT, 0)
    assert "stopped after 4 s" in result.message
    assert Path(result.run_folder).name == "run-1", "it was alone already"
    assert "in call 1" in result.message
    assert result.slot_calls == 1
    assert result.seconds.slot_calls > 2
    (taken,) = result.memory_mb
    assert taken is not None
    assert 0 < taken < 200


def test_processes_that_starve_the_trainer_are_the_students_time(
    toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path, engine: LocalEngine
) -> None:
    """Otherwise a slot could turn its own failure into one of ours, calls that return at once included."""
    hog = (
        "import hashlib, threading\n"
        "def burn():\n"
        "    while True: hashlib.sha256(bytes(1 << 20))\n"
        "for _ in range(8): threading.Thread(target=burn, daemon=True).start()\n" + HONEST
    )
    own = slowed(toy_task, starter, tmp_path)
    submission = Submission(path="h.ipynb", student="h", data=json.dumps(rebuild(starter, hog)).encode())
    settings = RunSettings("cpu", 6, "any")
    job = Job(own, [submission], repeats[:1], settings, tmp_path / "out", 1, engine=engine)
    (result,) = run_batch(job, Notes())
    assert (result.verdict, result.points) == (Verdict.TIME_LIMIT, 0)
    assert "kept the machine busy" in result.message


def slowed(toy_task: Task, starter: Json, tmp_path: Path) -> Task:
    """Return the toy task with a trainer that sleeps for a minute after loading the slot."""
    slow = json.loads(json.dumps(starter))
    slow["cells"][-1]["source"] = "import time\ntime.sleep(60)\n" + "".join(slow["cells"][-1]["source"])
    folder = tmp_path / "tasks" / "toy_task"
    folder.parent.mkdir()
    folder.symlink_to(toy_task.folder)
    own = replace(toy_task, folder=folder)
    own.starter.parent.mkdir()
    own.starter.write_text(json.dumps(slow), encoding="utf-8")
    (tmp_path / "out").mkdir()
    return own


@pytest.mark.usefixtures("no_pauses")
def test_a_training_that_is_slow_without_the_students_help_is_no_fault_of_theirs(
    toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path, engine: LocalEngine
) -> None:
    """Rule 4: a failure of ours never becomes points."""
    own = slowed(toy_task, starter, tmp_path)
    submission = Submission(path="s.ipynb", student="s", data=json.dumps(rebuild(starter, HONEST)).encode())
    settings = RunSettings("cpu", 3, "any")
    job = Job(own, [submission], repeats[:1], settings, tmp_path / "out", 1, engine=engine)
    (result,) = run_batch(job, Notes())
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)
    assert "the student's function only" in result.message
    assert Path(result.run_folder).name == "run-3", "it was tried again, twice"


def test_the_same_seed_gives_the_same_predictions_warm_cold_alone_and_in_a_batch(
    grade: Grade, tmp_path: Path
) -> None:
    """Rule 9. The function draws random numbers, so the sandbox's seed is tested, too."""
    for name in ("alone", "batch", "cold"):
        (tmp_path / name).mkdir()
    alone = grade({"r": RANDOM}, out=tmp_path / "alone", seeds=2)
    slots = {"h": HONEST, "r": RANDOM, "q": RANDOM + "OTHER = 1\n"}
    batch = grade(slots, jobs=2, out=tmp_path / "batch", seeds=2)
    cold = grade({"r": RANDOM}, cold=True, out=tmp_path / "cold")
    runs = [alone[0], batch[1], batch[2]]
    for number, equal in enumerate([[*runs, cold[0]], runs]):
        saved = [
            np.load(Path(run.run_folder) / f"repeat-{number}" / "predictions.npz")["model"] for run in equal
        ]
        assert all((saved[0] == other).all() for other in saved[1:])
    assert len({tuple(run.metrics.per_repeat) for run in runs if run.metrics}) == 1


def test_what_the_student_prints_is_shown_under_the_slot(grade: Grade) -> None:
    """Rule 2: as text."""
    slot = "print('hello from <b>outside</b>')\n" + HONEST
    (result,) = grade({"p": slot})
    executed = nbformat.read(Path(result.run_folder) / "repeat-0" / "executed.ipynb", as_version=4)
    (cell,) = [cell for cell in executed.cells if "slot" in cell.metadata.get("tags", [])]
    assert cell.source == slot
    assert cell.outputs[0].output_type == "stream"
    assert "hello from <b>outside</b>" in cell.outputs[0].text
    assert "text/html" not in json.dumps(executed)
    assert {output.output_type for cell in executed.cells for output in cell.get("outputs", [])} <= {
        "stream",
        "display_data",
    }


def test_the_executed_notebook_of_a_failure_shows_the_students_traceback_and_nothing_of_ours(
    grade: Grade,
) -> None:
    (result,) = grade({"e": ENDS["exception"][0]})
    text = (Path(result.run_folder) / "repeat-0" / "executed.ipynb").read_text(encoding="utf-8")
    assert "line 3, in your_weights" in text
    assert "SlotFailure" not in text
    assert "proxy.py" not in text


def test_a_name_that_another_cell_defines_is_explained(
    toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path, engine: LocalEngine
) -> None:
    notebook = rebuild(starter, "def your_weights(t, l):\n    return helper(t)\n")
    index = next(i for i, cell in enumerate(notebook["cells"]) if "slot" in cell["metadata"].get("tags", []))
    notebook["cells"].insert(index, {"cell_type": "markdown", "metadata": {}, "source": "## My helpers"})
    helper = "def helper(t):\n    return torch.ones(len(t))\n"
    notebook["cells"].insert(
        index + 1,
        {"cell_type": "code", "metadata": {}, "source": helper, "outputs": [], "execution_count": None},
    )
    submission = Submission(path="n.ipynb", student="n", data=json.dumps(notebook).encode())
    settings = RunSettings("cpu", 60, "any")
    job = Job(toy_task, [submission], repeats[:1], settings, tmp_path, 1, engine=engine)
    (result,) = run_batch(job, Notes())
    assert result.verdict is Verdict.SLOT_ERROR
    assert "My helpers" in result.message
    assert "move `helper` into your solution cell" in result.message


def test_a_name_of_many_bytes_gets_a_folder_and_costs_the_others_nothing(grade: Grade) -> None:
    long = "\u59d3" * 120
    first, second, third = grade({long: HONEST, f"{long}x": HONEST, "..": HONEST})
    assert {first.verdict, second.verdict, third.verdict} == {Verdict.SCORED}
    assert Path(first.run_folder).parent != Path(second.run_folder).parent
    assert Path(third.run_folder).parent.name == "student"


@pytest.mark.usefixtures("no_pauses")
def test_a_sandbox_that_fails_is_no_score(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 4: a failure of ours never becomes points."""
    monkeypatch.setattr("grader.sandbox.bwrap.find_bwrap", lambda: Path("/bin/false"))
    with LocalEngine() as own:
        (result,) = grade({"h": HONEST}, engine=own, cold=True)
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)


def test_a_run_folder_is_never_overwritten(grade: Grade, tmp_path: Path) -> None:
    """Rule 5."""
    first = grade({"h": HONEST})[0]
    kept = {path: path.read_bytes() for path in Path(first.run_folder).rglob("*") if path.is_file()}
    second = grade({"h": HONEST}, again=True)[0]
    assert first.run_folder != second.run_folder
    assert kept == {path: path.read_bytes() for path in Path(first.run_folder).rglob("*") if path.is_file()}
    assert json.loads((Path(first.run_folder) / "result.json").read_text())["verdict"] == "scored"
    with reading(tmp_path) as book:
        assert len(book.history()) == 2


def test_points_can_be_computed_again_from_what_is_kept(
    grade: Grade, repeats: list[Repeat], toy_task: Task
) -> None:
    from grader.task.scoring import points, score

    (result,) = grade({"h": HONEST}, seeds=len(repeats))
    kept = [
        score(Path(result.run_folder) / f"repeat-{r.number}" / "predictions.npz", r.answers) for r in repeats
    ]
    mean = sum(sum(s.values()) / len(s) for s in kept) / len(kept)
    assert points(mean, toy_task.spec.score) == result.points


def test_progress_is_told_while_a_submission_runs(grade: Grade) -> None:
    notes = Notes()
    grade({"h": HONEST}, watcher=notes, seeds=2)
    assert notes.shares[0] == 0
    assert notes.shares[-1] == 1
    assert len(notes.shares) > 20


def test_a_result_says_what_it_was_made_with(grade: Grade, toy_task: Task) -> None:
    (result,) = grade({"h": HONEST})
    record: dict[str, Any] = result.as_json()
    assert record["task_version"] == toy_task.version
    assert len(record["submission_sha256"]) == len(record["slot_sha256"]) == 64
    assert record["device"] == "cpu"
    assert set(record["versions"]) >= {"python", "torch", "numpy"}
    seconds = record["seconds"]
    parts = seconds["train"] + seconds["slot_calls"] + seconds["overhead"]
    assert seconds["total"] == pytest.approx(parts)
    assert seconds["processor"] > 0
    assert record["slot_calls"] == 5 * 20
