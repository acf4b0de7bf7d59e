"""One tiny task carries most tests: built once, outside the repository, as an author's clone would have it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from hypothesis import settings
from scheduling import (
    pytest_collection,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_xdist_make_scheduler,
)
from turns import task_of

from grader.cli.main import main
from grader.grading.engine import BACK_OFF_SECONDS, LocalEngine
from grader.grading.occupancy import Occupancy
from grader.notebooks.reading import Json, read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.task.build import write
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter

__all__ = [  # hooks
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_xdist_make_scheduler",
]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors lose by more threads, and cores are shared
os.environ.setdefault(
    "TURN", task_of(datetime.now(UTC))
)  # workers inherit it: they start around midnight, too

if not Path("/dev/nvidiactl").exists():  # so that trainers for "auto" and for "cpu" come from one fork server
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

TOY_TASK = Path(__file__).parent / "toy_task"
TOY_FILES = Path(__file__).parent / "toy_files"

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
settings.register_profile(
    "hour", max_examples=300, deadline=None, print_blob=True
)  # one round of `make fuzz`
settings.load_profile("quick")

Submit = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
Golden = Callable[[str, bytes], None]
GOLDENS = Path(__file__).parent / "goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true", help="Write tests/goldens/ anew; look at the diff."
    )
    parser.addoption("--ledger", type=Path, help="Write the seconds of every test file here, as JSON.")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Give a function that compares bytes with a file of tests/goldens/."""

    def compare(name: str, content: bytes) -> None:
        path = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            path.write_bytes(content)
        assert content == path.read_bytes(), f"{name} differs; if that is meant, run pytest --update-goldens"

    return compare


def built_toy(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Return a copy of a toy task in a clone of its own, with its notebooks built beside it."""
    folder = tmp_path_factory.mktemp("clone") / "tasks" / source.name
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    task = read_task(folder)
    write(task)
    return task


@pytest.fixture(scope="session")
def toy_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The toy task, with its starter and solution notebooks built beside it."""
    return built_toy(TOY_TASK, tmp_path_factory)


@pytest.fixture(scope="session")
def files_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """The toy task of files, with its notebooks built beside it."""
    return built_toy(TOY_FILES, tmp_path_factory)


@pytest.fixture(scope="session")
def starter(toy_task: Task) -> Json:
    return load_starter(toy_task)


@pytest.fixture(scope="session")
def toy_solution(toy_task: Task, starter: Json) -> str:
    """The source of the toy task's reference solution."""
    return find_slot(read_notebook(toy_task.solution.read_bytes()), starter)


@pytest.fixture
def submit(tmp_path: Path, starter: Json) -> Submit:
    """Give a function that writes the starter with this slot to a file and returns its path."""

    def write_submission(slot_source: str, name: str = "student.ipynb") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rebuild(starter, slot_source)), encoding="utf-8")
        return path

    return write_submission


@pytest.fixture
def own_toy(tmp_path: Path) -> Path:
    """A copy of the toy task's folder that a test may spoil."""
    folder = tmp_path / "tasks" / "toy_task"
    shutil.copytree(TOY_TASK, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_occupancy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of other workers, and of other people on this machine, are no company of these tests, which wait for none of them."""
    folder = tmp_path_factory.mktemp("occupancy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.grading.engine.Occupancy", lambda: Occupancy(folder))
        yield


@pytest.fixture(scope="session")
def engine() -> Iterator[LocalEngine]:
    """What grades on this machine, once for all tests: its fork servers and sandboxes start when one needs them.

    A test that breaks something, or looks at what is left of a batch, opens an engine of its own.
    """
    with LocalEngine(kept=3) as opened:
        yield opened


class Lent:
    """The engine of all tests as somebody gets it who will close it."""

    def __init__(self, engine: LocalEngine) -> None:
        self.grade = engine.grade

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep it open."""

    def close(self) -> None:
        """Keep it open."""


def lend(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever opens an engine of this machine, such as a command that runs in this process, get `engine`."""
    monkeypatch.setattr("grader.grading.engine.LocalEngine", lambda *_, **__: Lent(engine))


@pytest.fixture
def lent_engine(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What opens an engine of this machine in this test gets that of all tests."""
    lend(engine, monkeypatch)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails in each attempt, and is no fault of a student's, is tried as often as ever, but at once."""
    monkeypatch.setattr("grader.grading.engine.BACK_OFF_SECONDS", (0.0,) * len(BACK_OFF_SECONDS))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], lent_engine: None) -> Run:
    """Give a function that runs a command in this process and returns its exit code, output and errors.

    What it grades runs on the engine of all tests.
    """
    del lent_engine

    def command(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grader", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return command
