"""The attacks on programs, against a task whose programs may read a folder, write in another one, and take their time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from attacks import ATTACKS
from recorded import Quiet
from sandbox_fixtures import go_without_walls
from toy_program import SETTINGS, make_program_task

from grader.errors import Verdict
from grader.gradebook.run_settings import RunSettings
from grader.redteam.arena import SEEDS, Arena, context_for, open_arena
from grader.redteam.corpus import read_attack
from grader.task.evaluation import prepare_repeats
from grader.task.spec import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grader.sandbox import Walls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nightly,
]  # tests/sandbox/test_mounts.py tries the same walls in each run
ON_PROGRAMS = [path for path in ATTACKS if path.stem.startswith("program_") or read_attack(path).once]
BUILDS: tuple[Walls, ...] = ("namespaces", "landlock")


@pytest.fixture(scope="module")
def arena_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Walls], Arena]]:
    """Give a function that opens the arena of such walls once; without namespaces there is no scratch folder."""
    opened: dict[Walls, Arena] = {}

    def behind(walls: Walls) -> Arena:
        if walls not in opened:
            go_without_walls(walls)
            folder = tmp_path_factory.mktemp("programs") / "tasks" / "toy_program"
            task = make_program_task(folder)
            if walls == "landlock":
                (folder / "task.toml").write_text(SETTINGS.replace("scratch_mb = 2\n", ""))
                task = read_task(folder)
            out = tmp_path_factory.mktemp("redteam")
            repeats = prepare_repeats(
                task, b"seeds of the test suite", out / "e", repeats=SEEDS, source="embedded"
            )
            context = context_for(task, RunSettings("cpu", 60, walls), repeats)
            opened[walls] = stack.enter_context(open_arena(context, out, watcher=Quiet()))
        return opened[walls]

    with contextlib.ExitStack() as stack:
        yield behind
        for arena in opened.values():
            assert arena.honest_difference() == ""


@pytest.mark.parametrize("path", ON_PROGRAMS, ids=lambda path: path.stem)
@pytest.mark.parametrize("walls", BUILDS)
def test_a_task_of_programs_shrugs_off(
    walls: Walls, path: Path, arena_behind: Callable[[Walls], Arena]
) -> None:
    outcome = arena_behind(walls).face(read_attack(path))
    assert outcome.problems == []
    assert outcome.verdict != Verdict.GRADER_ERROR
