"""The walls that the conformance suite runs over: each test of it takes `sandbox`, `confined` or `forking`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.sandbox import Sandbox, Walls, open_sandbox
from grader.sandbox.proof import prove, stand
from grader.task.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = Limits(memory_mb=128, threads=8, output_kb=256, return_mb=16)
# What only namespaces can hold: processes, and files.
ROOMY = SMALL.model_copy(update={"processes": 8, "file_mb": 8})


def go_without_walls(walls: Walls) -> None:
    """Skip a test, with the reason, where this machine cannot build its walls."""
    if walls != "plain" and not stand(walls):
        failed = next(check for check in prove(walls) if not check.ok)
        pytest.skip(f"no such walls here: {failed.name}: {failed.detail}")


def opened(walls: Walls, limits: Limits = SMALL) -> Iterator[Sandbox]:
    go_without_walls(walls)
    made = open_sandbox(limits, imports="import numpy as np\nimport torch\n", walls=walls)
    yield made
    made.close()


@pytest.fixture(scope="session", params=["namespaces", "landlock"])
def confined(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    yield from opened(request.param)


@pytest.fixture(scope="session")
def forking() -> Iterator[Sandbox]:
    """A sandbox of a task that gives its slots processes, and folders to write."""
    yield from opened("namespaces", ROOMY)


@pytest.fixture(scope="session", params=["namespaces", "landlock", "plain"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    yield from opened(request.param)
