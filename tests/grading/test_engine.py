"""What grades on this machine starts when it is needed, outlives a batch, and survives what is killed in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from recorded import QuickEngine, Quiet
from sandbox_client import eventually, has_ended

from grader.errors import GraderFault, Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.notebooks.rebuild import rebuild
from grader.sandbox import SlotSource, open_sandbox
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.trainer.first_call import try_first_call
from grader.trainer.proxy import Boundary
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.gradebook.result import Result
    from grader.notebooks.reading import Json
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task

    Grade = Callable[..., list[Result]]

HEAD = "def your_weights(targets, losses):\n"
HONEST = HEAD + "    return torch.ones(len(targets))\n"
UNCOMPILED = {
    "a bracket": HEAD + "    return torch.ones(\n",
    "no colon": "def your_weights(targets, losses)\n    return 1\n",
    "an indent": HEAD + "return 1\n",
    "tabs": HEAD + "\tx = 1\n        return x\n",
    "a text": HEAD + "    return 'one\n",
    "a print": HEAD + "    print 1\n    return targets\n",
    "return": HONEST + "return 1\n",
    "nonlocal": HEAD + "    nonlocal x\n    return x\n",
    "break": HONEST + "break\n",
    "await": HEAD + "    return await targets\n",
    "twice": "def your_weights(targets, targets):\n    return 1\n",
    "a future": "from __future__ import fields\n" + HONEST,
    "an annotation": "def your_weights(targets: (yield), losses):\n    return 1\n",
    "magic": "%matplotlib inline\n" + HONEST,
    "an escape": HEAD + r"    return '\d' '\N{none}'" + "\n",
    "a long line": HEAD + f"    return {'x' * 600} y\n",
    "a number": HEAD + "    return 0777\n",
    "words of a limit": HEAD + "    return f'{not enough memory}'\n",
    "deep": HEAD + f"    return {'(' * 300}1{')' * 300}\n",
    "a NUL": HEAD + "    return 1\0\n",
}


@pytest.fixture(scope="module")
def repeats(toy_task: Task, tmp_path_factory: pytest.TempPathFactory) -> list[Repeat]:
    folder = tmp_path_factory.mktemp("evaluation")
    return prepare_repeats(toy_task, b"a secret for tests", folder, repeats=1, source="embedded")


@pytest.fixture
def grade(toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path) -> Grade:
    """Give a function that grades slots, by name, on an engine and returns their results."""

    def run(slots: dict[str, str], engine: LocalEngine | None, watcher: Quiet | None = None) -> list[Result]:
        sent = [
            Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, text)).encode())
            for name, text in slots.items()
        ]
        settings = RunSettings("cpu", 60, "any")
        job = Job(toy_task, sent, repeats, settings, tmp_path, 1, again=True, engine=engine)
        return run_batch(job, watcher or Quiet())

    return run


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def kill(pids: set[int]) -> None:
    """Kill processes, and wait until none of them runs: the signal arrives a moment after it was sent."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: all(map(has_ended, pids)))


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process can be started in this test."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no process can be started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "fork", refuse)


@pytest.mark.usefixtures("nothing_starts")
def test_submissions_that_end_before_they_run_start_no_process(
    toy_task: Task, starter: Json, repeats: list[Repeat], tmp_path: Path
) -> None:
    no_slot = rebuild(starter, HONEST)
    no_slot["cells"] = [cell for cell in no_slot["cells"] if "slot" not in cell["metadata"].get("tags", [])]
    sent = [
        Submission("a.ipynb", "a", b"no JSON"),
        Submission("b.ipynb", "b", json.dumps(no_slot).encode()),
        Submission("c.ipynb", "c", json.dumps(rebuild(starter, UNCOMPILED["a bracket"])).encode()),
    ]
    job = Job(toy_task, sent, repeats, RunSettings("cpu", 60, "any"), tmp_path, 2)
    results = run_batch(job, Quiet())
    assert [result.verdict for result in results] == ["invalid_notebook", "slot_missing", "slot_error"]
    assert [result.points for result in results] == [0, 0, 0]
    assert "'(' was never closed" in results[2].message
    executed = json.loads((Path(results[2].run_folder) / "repeat-0" / "executed.ipynb").read_text())
    (cell,) = [cell for cell in executed["cells"] if "slot" in cell["metadata"].get("tags", [])]
    assert cell["outputs"][0]["traceback"] == results[2].traceback.splitlines()


@pytest.mark.usefixtures("nothing_starts", "no_pauses")
def test_an_engine_that_can_start_nothing_fails_only_those_that_run(grade: Grade) -> None:
    with LocalEngine() as engine:
        broken, honest = grade({"broken": UNCOMPILED["no colon"], "honest": HONEST}, engine)
    assert (broken.verdict, honest.verdict) == (Verdict.SLOT_ERROR, Verdict.GRADER_ERROR)


RECORDED_ONLY = """
import subprocess, os, sys
def refuse(*_, **__): raise AssertionError("a process was started")
subprocess.Popen = os.fork = refuse
from grader.cli.main import main
for words in {calls!r}:
    sys.argv = ["grader", *words]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
print("torch" in sys.modules)
"""


def test_what_is_recorded_is_listed_rescored_and_exported_without_torch_or_a_process(
    toy_task: Task, starter: Json, tmp_path: Path, repeats: list[Repeat]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    sent = [Submission("a.ipynb", "a", json.dumps(rebuild(starter, "# 0.7\n" + HONEST)).encode())]
    settings = RunSettings("cpu", 60, "any")
    run_batch(Job(toy_task, sent, repeats, settings, out, 1, engine=QuickEngine()), Quiet())
    calls = [
        ["results", str(out)],
        ["rescore", str(toy_task.folder), "--out", str(out)],
        ["export", str(out), "--format", "csv"],
    ]
    script = RECORDED_ONLY.format(calls=calls)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


LEFT_TO_ITS_PROCESS = {"words of a limit", "deep", "a NUL", "an annotation"}


@pytest.mark.slow
def test_a_slot_that_does_not_compile_is_refused_in_the_words_of_its_own_process(
    toy_task: Task, starter: Json
) -> None:
    sandbox = open_sandbox(toy_task.spec.limits, imports="import torch\n", walls="plain")
    with contextlib.closing(sandbox):
        for name, text in UNCOMPILED.items():
            fault = syntax_fault(text, starter)
            if fault is None:
                assert name in LEFT_TO_ITS_PROCESS
                continue
            with contextlib.closing(sandbox.start_slot(SlotSource("", text, ("your_weights",), 0))) as slot:
                there = try_first_call(slot, b"", Boundary())
            assert there is not None
            assert (fault.verdict, fault.message) == (there.verdict, there.message), name
            assert fault.traceback == there.traceback, name


@pytest.fixture
def own_engine() -> Iterator[LocalEngine]:
    with LocalEngine(kept=1) as opened:
        yield opened


def started(engine: LocalEngine) -> list[int]:
    """Return the process numbers of an engine's fork servers."""
    return [server._process.pid for server in engine._servers if server._process is not None]


@pytest.mark.slow
def test_an_engine_outlives_batches_and_what_is_killed_in_it(grade: Grade, own_engine: LocalEngine) -> None:
    before = children()
    (first,) = grade({"a": HONEST}, own_engine)
    (server,) = started(own_engine)
    kept = children() - before
    assert server in kept
    (second,) = grade({"b": HONEST + "# again\n"}, own_engine)
    assert started(own_engine) == [server], "one fork server for both"
    kill(children() - before)
    (third,) = grade({"c": HONEST + "# and again\n"}, own_engine)
    assert started(own_engine) != [server]
    assert [result.verdict for result in (first, second, third)] == [Verdict.SCORED] * 3
    assert first.metrics == second.metrics == third.metrics
    assert Path(third.run_folder).name == "run-1", "it need not be tried again"
    own_engine.close()
    assert children() - before == set()
    with pytest.raises(GraderFault, match="the engine is closed"):
        grade({"d": HONEST}, own_engine)


@pytest.mark.slow
def test_a_fork_server_that_cannot_start_is_said_once_and_trainers_start_cold(
    grade: Grade, own_engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"PATH": os.environ["PATH"], "PYTHONHOME": "/nowhere"}
    watcher = Quiet()
    with monkeypatch.context() as patched:
        patched.setattr("grader.grading.engine.trainer_environment", lambda _: nowhere)
        results = grade({"a": HONEST, "b": HONEST + "OTHER = 1\n"}, own_engine, watcher)
    assert [result.verdict for result in results] == [Verdict.SCORED] * 2
    (notice,) = watcher.notices
    assert notice.startswith("trainers start cold: the fork server did not start")
