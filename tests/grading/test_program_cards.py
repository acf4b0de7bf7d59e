"""Programs with a GPU: one student at a time, cleared between, never points where that fails, and refused unless allowed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from recorded import Quiet
from sandbox_fixtures import go_without_walls
from stand_in import StandIn, stand_in
from toy_program import MODEL, PREDICT, SETTINGS, in_cells, make_program_task

from grader.cli.settings import cards_for_programs
from grader.errors import GraderFault, UsageError, Verdict
from grader.export import student_zip
from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.grading.occupancy import Occupancy
from grader.grading.program_cards import ProgramCards
from grader.lint.notebook import diagnose
from grader.lint.task import lint_text, read_subject
from grader.sandbox.card import Card, clear_memory, installed_cards
from grader.sandbox.cgroup import limits_memory
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter
from grader.trainer.gpus import identities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Run

    from grader.gradebook.result import Result

    Grade = Callable[[dict[str, list[str]], ProgramCards, Path], dict[str, Result]]

WRITES = """
for path in ({ways}):
    with contextlib.suppress(OSError):
        os.write(os.open(path, os.O_RDWR | os.O_NOCTTY), b"{name};")
"""
# Every other device, by its node, by another name of it, by making one, by what is open already.
LOOKS_FOR_OTHERS = """
import contextlib, os, stat
OWN = {os.stat(path).st_rdev for path in (%s) if os.path.exists(path)}
print("devices of its own:", len(OWN))
HARMLESS = {os.makedev(1, minor) for minor in (3, 5, 7, 8, 9)}
ways = [f"/dev/nvidia{number}" for number in range(16)] + ["/dev/nvidia-modeset", "/dev/nvidia-caps/nvidia-cap1"]
ways += ["/dev/dri/renderD128", "/dev/dri/card0", "/dev/kfd", "/dev/dxg", "/dev/mem", "/dev/tty", "/dev/ptmx", "/dev/kvm"]
ways += [f"/dev/pts/{number}" for number in range(40)]
for folder, folders, files in os.walk("/dev"):
    folders[:] = [name for name in folders if name not in ("shm", "fd")]
    ways += [f"{folder}/{name}" for name in files]
ways += [f"/proc/{process}/root{path}" for process in ("self", 1) for path in tuple(ways)]
for folder in ("/tmp", "/dev", "/dev/shm", "."):
    for major in (195, 235, 510):
        with contextlib.suppress(OSError):
            os.mknod(f"{folder}/made-{major}", stat.S_IFCHR | 0o666, os.makedev(major, 1))
            print("reached", folder, major)
for path in ways:
    with contextlib.suppress(OSError):
        about = os.stat(path)
        if stat.S_ISCHR(about.st_mode) and about.st_rdev not in OWN | HARMLESS:
            for flags in (os.O_RDONLY, os.O_RDWR):
                with contextlib.suppress(OSError):
                    os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
                    print("reached", path)
for descriptor in range(3, 256):
    with contextlib.suppress(OSError):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.fstat(descriptor).st_rdev not in OWN | HARMLESS:
            print("reached descriptor", descriptor)
"""
ON_A_DEVICE = """
import torch
x, y = (torch.as_tensor(np.asarray(value), device="cuda") for value in (train["x"], train["y"]))
model = torch.nn.Linear(x.shape[1], 2).cuda()
descent = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(100):
    loss = torch.nn.functional.cross_entropy(model(x.float()), y.long())
    descent.zero_grad()
    loss.backward()
    descent.step()
print("on", torch.cuda.device_count(), "GPU, and with a large block", torch.zeros(1 << 28, device="cuda").sum().item())
predictions = model(torch.as_tensor(test, device="cuda").float()).argmax(1).cpu().numpy().astype(int)
"""


@dataclass
class Clearing:
    """Clears nothing: notes what was written to the device since the last time, and fails from call `works` on."""

    device: StandIn
    works: int = 100
    notes: list[str] = field(default_factory=list)

    def __call__(self, card: Card) -> None:
        if len(self.notes) == self.works:
            raise GraderFault(f"the memory of {card.name} was not cleared: it is stuck")
        self.notes.append(self.device.written())


@pytest.fixture(scope="module")
def device() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = make_program_task(tmp_path_factory.mktemp("programs") / "tasks" / "toy_program").folder
    (folder / "task.toml").write_text(SETTINGS.replace("[limits]", "[limits]\ngpu = true"))
    return read_task(folder)


@pytest.fixture
def grade(task: Task, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """Give a function that grades programs, each a list of cells, on two repeats and two at a time."""

    def grade(programs: dict[str, list[str]], cards: ProgramCards, out: Path) -> dict[str, Result]:
        monkeypatch.setattr(engine, "_programs", cards)
        return graded(task, programs, engine, out)

    return grade


def graded(task: Task, programs: dict[str, list[str]], engine: LocalEngine, out: Path) -> dict[str, Result]:
    go_without_walls("namespaces")
    if not limits_memory():
        pytest.skip("this user can make no control group that limits memory")
    sent = [Submission(f"{name}.ipynb", name, in_cells(task, cells)) for name, cells in programs.items()]
    repeats = prepare_repeats(task, b"sixteen bytes or more", out / "e", repeats=2, source="embedded")
    job = Job(task, sent, repeats, RunSettings("auto", 60, "namespaces"), out, 2, engine=engine)
    return {result.student: result for result in run_batch(job, Quiet())}


def printed(out: Path, student: str) -> str:
    """Return what the program printed in its first repeat."""
    executed = min((out / "runs").rglob(f"{student}*/**/executed.ipynb"))
    cells = json.loads(executed.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(line for output in outputs for line in output.get("text", []))


@pytest.mark.slow
def test_two_students_have_the_gpu_in_turn_and_it_is_cleared_around_each_run(
    grade: Grade, device: StandIn, tmp_path: Path
) -> None:
    ways = ", ".join(map(repr, device.ways))
    look = LOOKS_FOR_OTHERS % ways
    programs = {name: [MODEL, look, WRITES.format(ways=ways, name=name), PREDICT] for name in ("ada", "ben")}
    clearing = Clearing(device)
    cards = ProgramCards([device.card], occupancy=Occupancy(tmp_path), clear=clearing)
    results = grade(programs, cards, tmp_path / "out")
    assert {name: result.verdict for name, result in results.items()} == dict.fromkeys(
        programs, Verdict.SCORED
    )
    first, second = ("ada;", "ben;") if "ada;" in clearing.notes[:3] else ("ben;", "ada;")
    assert clearing.notes == ["", first, first, "", second, second], "before each repeat, and at the end"
    assert {result.device for result in results.values()} <= {"cpu", "unknown"}, "trainers stay off the GPU"
    for name in programs:
        assert printed(tmp_path / "out", name) == "devices of its own: 1\n", "and none beyond"


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("works", [0, 2], ids=["before it", "after it"])
def test_a_gpu_that_cannot_be_cleared_gives_no_points_and_takes_nobody_else(
    grade: Grade, device: StandIn, works: int, tmp_path: Path
) -> None:
    clearing = Clearing(device, works)
    cards = ProgramCards([device.card], occupancy=Occupancy(tmp_path), clear=clearing)
    result = grade({"ada": [MODEL, PREDICT]}, cards, tmp_path / "out")["ada"]
    assert (result.verdict, result.points) == (Verdict.GRADER_ERROR, None)
    assert result.message == "no GPU is left: the memory of stand-in was not cleared: it is stuck"
    with pytest.raises(GraderFault, match="no GPU is left"), cards.lend(threading.Event()):
        pass


def test_another_gpu_takes_the_place_of_one_that_cannot_be_cleared(device: StandIn, tmp_path: Path) -> None:
    def clear_some(card: Card) -> None:
        if card.name == "bad":
            raise GraderFault("stuck")

    pair = [Card(name, device.card.nodes) for name in ("bad", "good")]
    cards = ProgramCards(pair, occupancy=Occupancy(tmp_path), clear=clear_some)
    lent, failures = [], 0
    for _ in range(4):
        try:
            with cards.lend(threading.Event()) as (card, clear_it):
                clear_it()
                lent.append(card.name)
        except GraderFault:
            failures += 1
    assert (lent, failures) == (["good"] * 3, 1)


HOLDS = """
import sys, threading
from pathlib import Path
from grader.grading.occupancy import Occupancy
with Occupancy(Path(sys.argv[1])).with_card("stand-in", threading.Event()):
    print("has it", flush=True)
    sys.stdin.read()
"""


def test_who_has_a_gpu_keeps_it_from_other_processes_of_this_machine(device: StandIn, tmp_path: Path) -> None:
    cards = ProgramCards([device.card], occupancy=Occupancy(tmp_path), clear=lambda _: None)
    stopped = threading.Event()
    stopped.set()  # who would have to wait is told so
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(GraderFault, match="the batch was stopped"), cards.lend(stopped):
            pass
        other.stdin.close()
    with cards.lend(stopped) as (card, _):
        assert card == device.card


def test_a_gpu_is_for_those_who_accept_what_was_never_tested(
    task: Task, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    submission = tmp_path / "ada.ipynb"
    submission.write_bytes(in_cells(task, [PREDICT]))
    code, _, errors = run("grade", task.folder, submission, "--out", tmp_path / "results")
    assert (code, errors.count("\n")) == (2, 1)
    assert (
        "toy_program gives programs a GPU, and the walls around one were never tested on a device" in errors
    )
    assert "grade, check, bands and final take --allow-gpu" in errors
    monkeypatch.setattr("grader.cli.settings.identities", list)
    code, _, errors = run("grade", task.folder, submission, "--out", tmp_path / "results", "--allow-gpu")
    assert (code, errors) == (2, "grader: --allow-gpu: PyTorch finds no CUDA device here\n")
    monkeypatch.setattr("grader.cli.settings.identities", lambda: ["GPU-a", "GPU-b"])
    monkeypatch.setattr("grader.cli.settings.installed_cards", lambda: {"GPU-b": Card("GPU-b", ())})
    capfd.readouterr()
    assert cards_for_programs([task], allow_gpu=True, gpus="1") == [Card("GPU-b", ())]
    assert capfd.readouterr().err.startswith(
        "note: --allow-gpu: programs get a GPU behind walls that were never"
    )
    with pytest.raises(UsageError, match="the driver names no device nodes of GPU-a"):
        cards_for_programs([task], allow_gpu=True)


def test_an_engine_without_gpus_for_programs_refuses_their_task(task: Task, tmp_path: Path) -> None:
    with LocalEngine() as engine, pytest.raises(UsageError, match="never tested on a device"):
        graded(task, {"ada": [PREDICT]}, engine, tmp_path)


def test_the_linter_says_what_an_organiser_must_allow(task: Task) -> None:
    (finding,) = [finding for finding in lint_text(read_subject(task)) if finding.name == "limits"]
    assert (finding.ok, "--allow-gpu" in finding.detail) == (True, True)


def test_a_program_with_a_gpu_is_not_told_that_it_has_none(task: Task) -> None:
    notebook = in_cells(task, ["import torch", "predictions = torch.zeros(len(test), device='cuda').numpy()"])
    starter = load_starter(task)
    assert [problem.kind for problem in diagnose(notebook, starter)] == ["gpu"]
    assert diagnose(notebook, starter, task.spec.limits.granted) == []
    assert "512 MB of memory, and a GPU, but no files" in student_zip._page(
        task, PurePosixPath("data"), "default"
    )


@pytest.mark.slow
def test_a_program_trains_on_a_device(grade: Grade, tmp_path: Path) -> None:
    """The only test of all this that needs a GPU: where it is skipped, nobody knows that CUDA starts behind these walls."""
    installed = installed_cards()
    cards = [installed[name] for name in (identities() if installed else []) if name in installed][:1]
    if not cards:
        pytest.skip("no CUDA device here")
    clear_memory(cards[0])
    programs = ProgramCards(cards, occupancy=Occupancy(tmp_path))
    result = grade({"ada": [ON_A_DEVICE]}, programs, tmp_path / "out")["ada"]
    assert result.verdict is Verdict.SCORED, result.message
    assert "on 1 GPU, and with a large block 0.0" in printed(tmp_path / "out", "ada")
