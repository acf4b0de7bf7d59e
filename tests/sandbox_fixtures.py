"""The back ends that the conformance suite runs over: each test of it takes `sandbox` or `confined`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grader.sandbox import Backend, Sandbox, find_bwrap, open_sandbox
from grader.task.spec import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = Limits(memory_mb=128, processes=8, file_mb=8, output_kb=256, return_mb=16)


def opened(backend: Backend) -> Iterator[Sandbox]:
    if backend == "bubblewrap" and find_bwrap() is None:
        pytest.skip("no bubblewrap for this platform")
    made = open_sandbox(SMALL, imports="import numpy as np\nimport torch\n", backend=backend)
    yield made
    made.close()


@pytest.fixture(scope="session")
def confined() -> Iterator[Sandbox]:
    yield from opened("bubblewrap")


@pytest.fixture(scope="session", params=["bubblewrap", "plain"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    yield from opened(request.param)
