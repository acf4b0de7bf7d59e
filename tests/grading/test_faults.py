"""What breaks around a submission is ours: it is tried again, and the student gets what the code deserves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet

from grader.gradebook.gradebook import reading
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.notebooks.reading import Json
    from grader.task.spec import Task

pytestmark = pytest.mark.slow

HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
RAISES = "def your_weights(targets, losses):\n    raise ValueError\n"


def kill_trainer(out: Path) -> None:
    (pid,) = [pid for pid in pids() if where(pid).startswith(str(out / "runs"))]
    os.kill(pid, signal.SIGKILL)


def kill_sandboxes(out: Path) -> None:  # noqa: ARG001 -- the form of what breaks things
    found = [pid for pid in pids() if parent(pid) == os.getpid() and "inside/server.py" in command(pid)]
    assert found
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def delete_scratch(out: Path) -> None:  # noqa: ARG001 -- likewise
    found = list(Path(tempfile.gettempdir()).iterdir())
    assert found
    for folder in found:
        shutil.rmtree(folder)


class Breaking(Quiet):
    """A watcher that breaks something in the middle of the first run."""

    def __init__(self, breaks: Callable[[Path], None], out: Path) -> None:
        super().__init__()
        self._breaks, self._out, self.broken = breaks, out, False

    def on_line(self, student: str, line: str) -> None: ...

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        del student, repeat
        if share > 0.5 and not self.broken:
            self.broken = True
            self._breaks(self._out)


@pytest.mark.parametrize(
    ("breaks", "runs"),
    [(kill_trainer, 2), (kill_sandboxes, 2), (delete_scratch, 1)],
    ids=["trainer", "sandboxes", "scratch"],
)
def test_a_run_that_something_else_broke_is_run_again_and_costs_nobody_anything(
    breaks: Callable[[Path], None],
    runs: int,
    toy_task: Task,
    starter: Json,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rule 4: a failure of ours never becomes points."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    out = tmp_path / "out"
    out.mkdir()
    repeats = prepare_repeats(
        toy_task, b"a secret for tests", out / "evaluation", repeats=1, source="embedded"
    )
    submissions = [
        Submission(f"{name}.ipynb", name, json.dumps(rebuild(starter, slot)).encode())
        for name, slot in (("a", HONEST), ("b", RAISES))
    ]
    watcher = Breaking(breaks, out)
    job = Job(toy_task, submissions, repeats, RunSettings("cpu", 60, "any"), out, 1)
    a, b = run_batch(job, watcher)
    assert watcher.broken
    assert (a.verdict, Path(a.run_folder).name) == ("scored", f"run-{runs}"), a.message
    for number in range(1, runs):
        broken = json.loads((out / "runs" / "a" / f"run-{number}" / "result.json").read_text())
        assert (broken["verdict"], broken["points"]) == ("grader_error", None)
    assert b.verdict == "slot_error"
    with reading(out) as book:
        assert [one.result.verdict for one in book.history()] == ["scored", "slot_error"], (
            "nothing is recorded wrongly"
        )


def pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def where(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
