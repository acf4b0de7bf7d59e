"""The same conformance suite once more, as a user who is not root.

Root runs it in an outer bubblewrap that opens a way to the interpreter and to this folder where their parents are closed to
others, and gives it another user id for real.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from containers import REPO, State, environment_of, in_state

from grader.sandbox import find_bwrap

ORDINARY = State(root=False, namespaces=True)


def whole_suite() -> list[str]:
    names = ("slots", "confinement", "behaviour")
    return [str(REPO / "tests" / "sandbox" / f"test_{name}.py") for name in names]


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform")
def test_an_ordinary_user_is_confined_just_as_well() -> None:
    pytest_command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-k",
        "not plain",
        "--timeout=60",
    ]
    run = subprocess.run(
        in_state(ORDINARY, [*pytest_command, *whole_suite()]),
        env=environment_of(ORDINARY) | {"OMP_NUM_THREADS": "1"}, cwd=REPO, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
