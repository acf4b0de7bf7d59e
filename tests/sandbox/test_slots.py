"""Every hostile slot ends with the verdict in its first line, and the sandbox is fit for the next one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sandbox_client import function, header_of, play

if TYPE_CHECKING:
    from grader.sandbox import Sandbox

pytest_plugins = ["sandbox_fixtures"]
pytestmark = pytest.mark.slow

SLOTS = sorted((Path(__file__).parent.parent / "slots").glob("*.py"))


@pytest.mark.parametrize("path", SLOTS, ids=lambda path: path.stem)
def test_a_hostile_slot_ends_with_the_verdict_in_its_first_line(sandbox: Sandbox, path: Path) -> None:
    verdict, needs = header_of(path)
    if needs and sandbox.name == "plain process":
        pytest.skip("does harm where nothing confines it")
    if needs == "processes":
        verdict = "slot_error"  # refused at once, for this sandbox gives neither processes nor files
    end_with(sandbox, path, verdict)


@pytest.mark.parametrize(
    "path", [path for path in SLOTS if header_of(path)[1] == "processes"], ids=lambda path: path.stem
)
def test_what_a_slot_with_processes_and_files_does_ends_with_the_verdict_in_its_first_line(
    forking: Sandbox, path: Path
) -> None:
    end_with(forking, path, header_of(path)[0])


def end_with(sandbox: Sandbox, path: Path, verdict: str) -> None:
    seconds = 1.0 if verdict == "time_limit" else 60.0
    outcome = play(sandbox, path.read_text(encoding="utf-8"), seconds=seconds)
    assert outcome.verdict == verdict, outcome
    assert play(sandbox, function("return 1")).answer == 1
