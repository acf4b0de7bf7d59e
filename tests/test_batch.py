"""A batch is recorded line by line, by one writer, and whatever interrupts it loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from grader.batch import append, only_writer, read_results, write_csv
from grader.errors import GraderFault, UsageError, Verdict
from grader.execute.kernel import trainer_environment
from grader.execute.warm import WarmParent
from grader.result import Result, Seconds
from grader.supply import SandboxSupply

if TYPE_CHECKING:
    from conftest import Submit

    from grader.task import Task

HONEST = "def your_weights(targets, losses):\n    return torch.ones(len(targets))\n"
LOOP = "def your_weights(targets, losses):\n    while True: pass\n"


def processes_of(mark: str) -> list[str]:
    """Return the command lines of processes whose environment or command names `mark`."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in text:
                found.append(text.split(b"\0\0")[0].decode(errors="replace"))
    return found


def test_lines_that_a_crash_spoilt_cost_only_themselves(tmp_path: Path) -> None:
    append(tmp_path / "results.jsonl", result_named("a"))
    whole = (tmp_path / "results.jsonl").read_bytes()
    (tmp_path / "results.jsonl").write_bytes(b'5\n{"student": "x"}\n\xff\n' + whole + whole[:40])
    assert [record["student"] for record in read_results(tmp_path)] == ["a"]
    write_csv(tmp_path)
    assert (tmp_path / "results.csv").read_text().splitlines()[1].startswith("a,a.ipynb,t,1,slot_error,0")


def test_files_that_are_shown_alike_keep_a_row_each(tmp_path: Path) -> None:
    for student, digest in (("a", "1"), ("b", "1"), ("a", "2"), ("a", "2")):
        append(
            tmp_path / "results.jsonl",
            replace(result_named(student), submission="x.ipynb", submission_sha256=digest),
        )
    write_csv(tmp_path)
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1 + 3


def test_a_new_line_after_one_cut_short_is_not_lost_with_it(tmp_path: Path) -> None:
    """Rule 6: killing the grader at any moment loses no recorded result."""
    path = tmp_path / "results.jsonl"
    append(path, result_named("a"))
    with path.open("a") as file:
        file.write('{"student": "b", "verd')
    append(path, result_named("c"))
    append(path, result_named("d"))
    assert [record["student"] for record in read_results(tmp_path)] == ["a", "c", "d"]


def test_results_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        append(tmp_path / "results.jsonl", result_named("a"))


def test_one_process_writes_to_a_folder_of_results(tmp_path: Path) -> None:
    """Rule 6."""
    with only_writer(tmp_path), pytest.raises(UsageError, match="another grader"), only_writer(tmp_path):
        pass
    with only_writer(tmp_path):
        pass


def result_named(student: str) -> Result:
    return Result(
        submission=f"{student}.ipynb", task="t", task_version="1", student=student, submission_sha256="0",
        slot_sha256="0", verdict=Verdict.SLOT_ERROR, message="m", points=0, metrics=None, seconds=Seconds(),
        slot_calls=0, penalties=[], changed_cells=[], device="cpu", run_folder="r",
    )  # fmt: skip


def start(toy_task: Task, paths: list[Path], out: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        str(toy_task.folder),
        *map(str, paths),
        "--out",
        str(out),
    ]
    environment = os.environ | {"GRADER_TEST_MARK": str(out)}
    return subprocess.Popen(
        [*command, "--repeats", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    )  # fmt: skip


def wait_for_line(out: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (out / "results.jsonl").exists() and (out / "results.jsonl").read_text().endswith("\n"):
            return
        time.sleep(0.1)
    pytest.fail("no result was recorded in time")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_batch_keeps_what_was_recorded_and_leaves_no_process(
    signum: signal.Signals, toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    running = start(toy_task, [submit(HONEST, "a.ipynb"), submit(LOOP, "b.ipynb")], out)
    wait_for_line(out)
    time.sleep(2)
    running.send_signal(signum)
    _, err = running.communicate(timeout=60)
    assert [record["student"] for record in read_results(out)] == ["a"]
    if signum is signal.SIGINT:
        assert running.returncode == 130
        assert "what was recorded is kept" in err
    deadline = time.monotonic() + 30
    while processes_of(str(out)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(str(out)) == []


@pytest.mark.slow
def test_a_closed_warm_parent_forks_no_more() -> None:
    warm = WarmParent(trainer_environment("cpu"))
    warm.wait_until_ready()
    warm.close()
    with pytest.raises(GraderFault, match="warm parent is closed"):
        warm.fork({}, [0, 1, 2])


@pytest.mark.slow
def test_a_warm_parent_that_is_killed_is_replaced_and_no_submission_suffers(
    toy_task: Task, submit: Submit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    running = start(toy_task, [submit(HONEST, f"{name}.ipynb") for name in "abc"], out)
    wait_for_line(out)
    (warm,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and is_warm_parent_of(running.pid, folder)
    ]
    os.kill(warm, signal.SIGKILL)
    running.communicate(timeout=90)
    assert running.returncode == 0
    assert [record["verdict"] for record in read_results(out)] == ["scored"] * 3


def is_warm_parent_of(pid: int, folder: Path) -> bool:
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        return parent == pid and b"grader.execute.warm" in (folder / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_warm_parent_that_cannot_import_is_our_failure() -> None:
    warm = WarmParent({"PATH": os.environ["PATH"], "PYTHONHOME": "/nowhere"})
    with pytest.raises(GraderFault, match="did not start"):
        warm.wait_until_ready()
    warm.close()


class Opened:
    """A sandbox that only counts."""

    name = "counted"

    def __init__(self) -> None:
        self.closed = False

    def start_slot(self, source: object) -> object:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


def test_sandboxes_are_started_ahead_but_never_more_than_are_needed() -> None:
    opened: list[Opened] = []

    def open_one() -> Opened:
        opened.append(Opened())
        return opened[-1]

    supply = SandboxSupply(open_one, expected=3)  # type: ignore[arg-type] # it only counts
    supply.start(1)
    assert len(opened) == 1
    taken = [supply.take() for _ in range(3)]
    assert len(opened) == 3
    assert len(set(map(id, taken))) == 3
    supply.close()
    assert [one.closed for one in opened] == [False, False, False], (
        "those that were taken are not ours to close"
    )


def test_sandboxes_that_nobody_took_are_closed() -> None:
    opened: list[Opened] = []

    def open_one() -> Opened:
        opened.append(Opened())
        return opened[-1]

    supply = SandboxSupply(open_one, expected=4)  # type: ignore[arg-type] # it only counts
    supply.start(2)
    supply.close()
    assert [one.closed for one in opened] == [True, True]
