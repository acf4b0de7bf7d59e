"""A program that is all cells of a notebook, with folders and a clock of its own: graded, and a broken one for each verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from sandbox_fixtures import go_without_walls
from toy_program import MODEL, PREDICT, in_cells, make_program_task

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.engine import LocalEngine

pytestmark = pytest.mark.slow
SCRATCH = "Path('note.txt').write_text('so far'); print('epoch 1 of 1', Path('note.txt').read_text())"
LEFT = "assert not Path('note.txt').exists()"
PROGRAMS: dict[str, tuple[list[str], Verdict, str]] = {
    "honest": ([LEFT, MODEL, SCRATCH, PREDICT], Verdict.SCORED, ""),
    "raises": ([MODEL, "1 / 0"], Verdict.SLOT_ERROR, "solve raised ZeroDivisionError"),
    "magic": (["%time", PREDICT], Verdict.SLOT_ERROR, "a command of IPython, %time"),
    "slow": (["while True: pass"], Verdict.TIME_LIMIT, "it may take 1.5 s"),
    "large": (["bytearray(1 << 30)"], Verdict.MEMORY_LIMIT, "512 MB of memory"),
    "fills": (["Path('large').write_bytes(bytes(8 << 20))"], Verdict.OUTPUT_LIMIT, "2 MB of files"),
    "spoils": (["(MODELS / 'centre.txt').write_text('0')"], Verdict.SLOT_ERROR, "Read-only file system"),
    "leaves": (["os._exit(0)"], Verdict.SLOT_CRASHED, "exit code 0"),
    "shape": (["predictions = np.zeros((2, 2), int)"], Verdict.INVALID_OUTPUT, "the shape (2, 2)"),
}  # fmt: skip


class Listening(Quiet):
    """A watcher that keeps what programs print."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def on_line(self, student: str, line: str) -> None:
        self.lines.append((student, line))


def test_programs_of_many_cells_end_with_their_verdict(tmp_path: Path, engine: LocalEngine) -> None:
    go_without_walls("namespaces")
    task = make_program_task(tmp_path / "tasks" / "toy_program")
    submissions = [
        Submission(f"{name}.ipynb", name, in_cells(task, cells)) for name, (cells, _, _) in PROGRAMS.items()
    ]
    out = tmp_path / "out"
    repeats = prepare_repeats(task, b"sixteen bytes or more", out / "e", repeats=1, source="embedded")
    job = Job(task, submissions, repeats, RunSettings("cpu", 60, "namespaces"), out, 2, engine=engine)
    watcher = Listening()
    results: dict[str, Result] = {result.student: result for result in run_batch(job, watcher)}
    seen = {
        name: (results[name].verdict, sentence in results[name].message)
        for name, (_, _, sentence) in PROGRAMS.items()
    }
    wanted = {name: (verdict, True) for name, (_, verdict, _) in PROGRAMS.items()}
    assert seen == wanted, {name: results[name].message for name in seen if seen[name] != wanted[name]}
    assert (results["honest"].points or 0) > 30
    executed = next((out / "runs").rglob("honest*/**/executed.ipynb")).read_text()
    assert "epoch 1 of 1 so far" in executed, "what it printed is in its log"
