"""The same conformance suite once more: as a user who is not root, and in a container, where there are no namespaces.

Root becomes another user for real; `containers.py` opens a way to the interpreter and to this folder where their parents are
closed to others.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from containers import REPO, USER, Container, State, environment_of, in_state, output_of

from grader.sandbox import find_bwrap
from grader.sandbox.inside import landlock

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = ["containers"]
pytestmark = pytest.mark.slow
ORDINARY = State(root=False, namespaces=True)
SUITE = ("slots", "confinement", "behaviour")
# One or two tests of each kind of reach: network, files, rights, system calls.
SOME = "socket or not_its_own or rights or forbidden_system_call or limits_of_nobody_else"
with_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


def suite(names: Sequence[str], chosen: str) -> list[str]:
    files = [str(REPO / "tests" / "sandbox" / f"test_{name}.py") for name in names]
    options = ("-q", "-n0", "-p", "no:cacheprovider", "--timeout=60", "-k", chosen)
    return [sys.executable, "-m", "pytest", *options, *files]


def check_passes(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    assert " passed" in output_of(command, environment, seconds=400)


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform")
def test_an_ordinary_user_is_confined_just_as_well() -> None:
    environment = environment_of(ORDINARY) | {"OMP_NUM_THREADS": "1"}
    check_passes(in_state(ORDINARY, suite(SUITE, "not plain and not landlock")), environment)


@with_landlock
def test_a_slot_in_a_container_reaches_nothing(container: Container) -> None:
    check_passes(container.command(suite(["confinement"], f"landlock and ({SOME})"), user=USER))


@with_landlock
@pytest.mark.nightly  # in `make test`, some of it as an ordinary user, and all of it outside of a container
@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
def test_the_whole_suite_holds_in_a_container(container: Container, user: int) -> None:
    check_passes(container.command(suite(SUITE, "landlock"), user=user))
