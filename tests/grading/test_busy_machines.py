"""Nobody loses points to a neighbour, and nobody gains by doing nothing until the clock runs out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.grade import had_a_core
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.trainer.run import Execution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine
    from grader.notebooks.reading import Json
    from grader.task.spec import Task

    Grade = Callable[..., list[Result]]

pytestmark = pytest.mark.slow

SLEEPS = "import time\ndef your_weights(targets, losses):\n    time.sleep(60)\n"
# A thread that waits for a lock that it holds: a futex that nobody wakes.
WAITS = "import threading\nlock = threading.Lock()\ndef your_weights(targets, losses):\n    lock.acquire()\n    lock.acquire()\n"
# Computes for some seconds at first, and then is quick.
VICTIM = """import time
begun = []
def your_weights(targets, losses):
    while not begun and time.process_time() < 4.5:
        pass
    begun.append(True)
    return torch.ones(len(targets))
"""
# The old attack: children that take every core, each a group of its own to the scheduler; or threads, where there are no children.
HOG = """import hashlib, os, threading, time
def burn():
    block = bytes(1 << 20)
    while True:
        hashlib.sha256(block)
try:
    for _ in range(14):
        if os.fork() == 0:
            os.setsid()
            burn()
except OSError:
    for _ in range(14):
        threading.Thread(target=burn, daemon=True).start()
def your_weights(targets, losses):
    time.sleep(60)
"""


@pytest.fixture
def grade(
    toy_task: Task, starter: Json, tmp_path: Path, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> Grade:
    """Give a function that grades slots, by name, side by side, with one repeat of `wall_seconds`."""
    monkeypatch.setattr("grader.trainer.first_call._SECONDS", 0.2)  # the full run decides

    def run(slots: dict[str, str], *, wall_seconds: float, watcher: Quiet, out: str = "out") -> list[Result]:
        folder = tmp_path / "evaluation"
        repeats = prepare_repeats(toy_task, b"a secret for tests", folder, repeats=1, source="embedded")
        submissions = [
            Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, slot)).encode())
            for name, slot in slots.items()
        ]
        settings = RunSettings("cpu", wall_seconds)
        (tmp_path / out).mkdir()
        job = Job(toy_task, submissions, repeats, settings, tmp_path / out, len(slots), engine=engine)
        return run_batch(job, watcher)

    return run


def test_a_function_that_waits_for_nothing_is_repeated_alone_and_then_out_of_time(
    grade: Grade, tmp_path: Path
) -> None:
    watcher = Quiet()
    results = grade({"sleeps": SLEEPS, "waits": WAITS}, wall_seconds=3, watcher=watcher)
    assert [(result.verdict, result.points) for result in results] == [(Verdict.TIME_LIMIT, 0)] * 2
    assert all("still busy in call 1" in result.message for result in results)
    assert sorted(notice.partition(":")[0] for notice in watcher.notices) == ["sleeps", "waits"]
    for name in ("sleeps", "waits"):
        assert len(list((tmp_path / "out" / "runs" / name).glob("run-*"))) == 2


@pytest.mark.parametrize(
    ("waited", "computed", "repeated"),
    [(95, 95, False), (95, 60, True), (95, 0, True), (60, 60, True), (60, 95, True)],
    ids=["a loop", "a neighbour took half of the core", "sleep", "a slow training before", "threads at once"],
)
def test_only_a_run_that_had_its_core_all_the_time_is_not_repeated(
    waited: float, computed: float, repeated: bool
) -> None:
    execution = Execution(100, waited, 1, "cpu", None, [], slot_cpu_seconds=computed)
    assert had_a_core([execution]) is not repeated
    assert not had_a_core([])


@pytest.mark.nightly
def test_who_is_graded_beside_one_that_takes_all_cores_gets_what_they_get_alone(grade: Grade) -> None:
    """With an eighth of two cores, as the scheduler would have it, the victim would need 40 seconds.

    Sisters in `make test` are `test_a_sandbox_has_one_core_and_the_weight_of_one_process` and the repeated runs above.
    """
    beside, hog = grade({"victim": VICTIM, "hog": HOG}, wall_seconds=30, watcher=Quiet())
    (alone,) = grade({"victim": VICTIM}, wall_seconds=60, watcher=Quiet(), out="alone")
    assert beside.verdict is Verdict.SCORED, beside.message
    assert beside.metrics == alone.metrics
    assert hog.verdict is Verdict.TIME_LIMIT
