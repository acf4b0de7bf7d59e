"""In each state of a machine, and in a container, the doctor finds it ready and a notebook gets the same verdict and points."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from containers import (
    INSTALLED,
    REPO,
    SECONDS,
    STATES,
    USER,
    Container,
    State,
    closed_tops,
    environment_of,
    in_state,
    output_of,
    run_here,
)

from grader.gradebook.gradebook import reading
from grader.sandbox.inside import landlock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _pytest.mark.structures import ParameterSet
    from conftest import Run, Submit

    from grader.task.spec import Task

pytest_plugins = ["containers"]
pytestmark = pytest.mark.slow
GRADER = (sys.executable, "-m", "grader")
READY = "this machine is ready to grade"
# In `make test`, other tests try what the machine itself allows, and a container grades what Gradescope would.
AT_NIGHT = (State(root=True, namespaces=True), State(root=False, namespaces=True))
with_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


def marked(at_night: Sequence[State]) -> list[ParameterSet]:
    """Return the states as parameters, some of them for the night."""
    return [
        pytest.param(state, marks=[pytest.mark.nightly] if state in at_night else [], id=str(state))
        for state in STATES
    ]


def walls_named(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Return the walls that the doctor names, where it finds nothing wrong but, at most, a disk that is almost full."""
    done = run_here(command, environment)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if line.startswith("WRONG ")]
    assert all(line.startswith("WRONG disk: ") for line in wrong), done.stdout
    assert wrong or (lines[-1], done.returncode) == (READY, 0), done.stdout + done.stderr
    (walls,) = [line for line in lines if line.startswith("ok    walls: ")]
    return walls


@with_landlock
@pytest.mark.parametrize("state", marked(AT_NIGHT))
def test_the_doctor_finds_each_state_ready_and_names_its_walls(state: State) -> None:
    walls = walls_named(in_state(state, [*GRADER, "doctor"]), environment_of(state))
    assert ("no namespaces" in walls) is not state.namespaces
    own_user = state.root and not state.namespaces and not closed_tops(INSTALLED)
    assert ("a user of its own" in walls) is own_user


@with_landlock
@pytest.mark.nightly
@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
def test_the_doctor_finds_a_container_ready(container: Container, user: int) -> None:
    walls = walls_named(container.command([*GRADER, "doctor"], user=user))
    assert "no namespaces" in walls
    assert ("a user of its own" in walls) is (user == 0)


@pytest.fixture
def submitted(toy_task: Task, submit: Submit, toy_solution: str, tmp_path: Path) -> list[str]:
    """What grades the reference of the toy task: all it reads and writes lies in `tmp_path`."""
    shutil.copytree(toy_task.folder.parent.parent, tmp_path / "clone")
    (tmp_path / "secret").write_text("the same in every state")
    paths = (tmp_path / "clone/tasks/toy_task", submit(toy_solution), "--out", tmp_path / "out")
    words = ("--secret-file", tmp_path / "secret", "--repeats", "1", "--json")
    return [*GRADER, "grade", *map(str, (*paths, *words))]


def result_of(text: str) -> tuple[str, float]:
    (record,) = json.loads(text)
    values: dict[str, Any] = record
    return values["verdict"], values["points"]


@with_landlock
@pytest.mark.parametrize("state", marked((*AT_NIGHT, State(root=True, namespaces=False))))
def test_the_same_notebook_gets_the_same_points_in_each_state(
    run: Run, state: State, submitted: list[str], tmp_path: Path
) -> None:
    verdict, points = result_of(output_of(in_state(state, submitted, tmp_path), environment_of(state)))
    assert verdict == "scored"
    assert points > 50
    here = [word.replace(str(tmp_path / "out"), str(tmp_path / "here")) for word in submitted[len(GRADER) :]]
    assert result_of(run(*here)[1]) == (verdict, points)


@pytest.fixture
def demo(tmp_path: Path) -> list[str]:
    """What runs the demo in a copy of this clone, with what is installed here."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True)
    clone = tmp_path / "clone"
    for name in files.stdout.split("\0")[:-1]:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPO / name, clone / name)
    environment = Path(sys.prefix)
    words = ("--directory", clone, f"VENV={environment}", "--assume-old", environment / ".grades", "demo")
    return ["/usr/bin/env", f"PYTHONPATH={clone}", "make", *map(str, words)]


def check_demo(command: Sequence[str], clone: Path, environment: dict[str, str] | None = None) -> None:
    assert READY in output_of(command, environment)
    assert (clone / "demo_runs" / "report" / "index.html").is_file()
    with reading(clone / "demo_runs") as book:
        points = {entry.result.student: entry.points or 0 for entry in book.current()}
    assert points["solution"] > points["random_class_balanced"] > points["class_blind_coteaching"]


@with_landlock
@pytest.mark.nightly  # `.ci/run` runs it as root with namespaces
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("state", STATES, ids=str)
def test_the_demo_grades_in_each_state(state: State, demo: list[str], tmp_path: Path) -> None:
    check_demo(in_state(state, demo, tmp_path), tmp_path / "clone", environment_of(state))


@with_landlock
@pytest.mark.nightly
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
def test_the_demo_grades_in_a_container(
    container: Container, user: int, demo: list[str], tmp_path: Path
) -> None:
    check_demo(container.command(demo, tmp_path, user=user), tmp_path / "clone")
