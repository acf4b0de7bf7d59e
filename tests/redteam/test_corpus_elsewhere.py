"""The corpus once more where graders run otherwise: as an ordinary user, without namespaces, and in a container."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from attacks import ATTACKS, MECHANISMS
from containers import REPO, SECONDS, STATES, USER, Container, State, environment_of, in_state, output_of

from grader.redteam.corpus import read_attack
from grader.sandbox.inside import landlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

pytest_plugins = ["containers"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock"),
]
CORPUS = REPO / "tests" / "redteam" / "test_corpus.py"
ALL = [path.stem for path in ATTACKS]
# As root, each run faces them in `test_corpus.py`.
ORDINARY = [state for state in STATES if not state.root]
AT_NIGHT = [state for state in STATES if not (state.root and state.namespaces)]


def facing(names: Iterable[str], *, namespaces: bool) -> list[str]:
    """Return the command that faces these attacks behind the walls of such a place."""
    needing = {path.stem for path in ATTACKS if read_attack(path).alone}
    tests = []
    for name in names:
        build = "landlock" if not namespaces else "granting" if name in needing else "namespaces"
        tests.append(f"{CORPUS}::test_the_grader_shrugs_off[{build}-{name}]")
    return [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-m",
        "slow or nightly",
        *tests,
    ]


def check_holds(command: Sequence[str], count: int, environment: Mapping[str, str] | None = None) -> None:
    assert f"{count} passed" in output_of(command, environment)


@pytest.mark.parametrize("state", ORDINARY, ids=str)
def test_each_mechanism_is_stopped_for_an_ordinary_user(state: State) -> None:
    command = in_state(state, facing(MECHANISMS, namespaces=state.namespaces))
    check_holds(command, len(MECHANISMS), environment_of(state) | {"OMP_NUM_THREADS": "1"})


@pytest.mark.nightly
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("state", AT_NIGHT, ids=str)
def test_the_whole_corpus_is_stopped_in_each_state(state: State) -> None:
    command = in_state(state, facing(ALL, namespaces=state.namespaces))
    check_holds(command, len(ALL), environment_of(state) | {"OMP_NUM_THREADS": "1"})


@pytest.mark.nightly
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
def test_the_whole_corpus_is_stopped_in_a_container(container: Container, user: int) -> None:
    check_holds(container.command(facing(ALL, namespaces=False), user=user), len(ALL))
