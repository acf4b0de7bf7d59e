"""The states that graders run in are what their names say, and so is the container; else tests in them prove nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from containers import REPO, STATES, USER, Container, State, environment_of, go_without, in_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytest_plugins = ["containers"]
# What a process of this state is, and what it is refused: mounts of its own in new user and mount namespaces, which anybody
# may ask for; a pid and a mount namespace, which root may ask for.
LOOK = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def refusal(flags):
    child = os.fork()
    if not child:
        private = 0x44000  # MS_REC | MS_PRIVATE
        failed = libc.unshare(flags) or flags == 0x10020000 and libc.mount(b"none", b"/", None, private, None)
        os._exit(ctypes.get_errno() if failed else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
with open(sys.argv[1] + "/written", "w") as file:
    file.write("here")
print(json.dumps({"user": os.getuid(), "rights": int(status["CapEff"], 16), "modules": sys.base_prefix,
    "refused": [refusal(flags) for flags in (0x10020000, 0x20000000, 0x20000)]}))
"""
DOCKERS = 0xA80425FB  # 14 capabilities


def seen(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        command, env=environment, cwd=REPO, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "written").read_text() == "here"
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize("state", STATES, ids=str)
def test_a_state_is_what_its_name_says(state: State, tmp_path: Path) -> None:
    command = in_state(state, [sys.executable, "-c", LOOK, str(tmp_path)], tmp_path)
    facts = seen(command, tmp_path, environment_of(state))
    assert (facts["user"] == 0) is state.root
    assert bool(facts["rights"]) is state.root
    if not state.namespaces:
        assert facts["refused"] == [1, 1, 1]
        assert facts["rights"] & ~DOCKERS == 0
    else:
        assert facts["refused"][0] == 0


@pytest.mark.parametrize("user", [0, USER], ids=["root", "user"])
def test_a_container_has_its_own_users_rights_and_no_namespaces(
    container: Container, user: int, tmp_path: Path
) -> None:
    command = container.command([sys.executable, "-c", LOOK, str(tmp_path)], tmp_path, user=user)
    facts = seen(command, tmp_path)
    assert facts["user"] == user
    assert facts["refused"] == [1, 1, 1]
    assert facts["rights"] & ~DOCKERS == 0
    assert bool(facts["rights"]) is (user == 0)


def test_what_a_container_writes_elsewhere_stays_in_it(container: Container, tmp_path: Path) -> None:
    name = f"/etc/written-{os.getpid()}"
    subprocess.run(
        container.command(["touch", name, str(tmp_path / "kept")], tmp_path), check=True, timeout=60
    )
    assert (tmp_path / "kept").exists()
    assert not os.path.lexists(name)


def test_without_containers_a_test_is_skipped_unless_one_is_required() -> None:
    with pytest.raises(pytest.skip.Exception, match="there is none"):
        go_without("there is none", {})
    with pytest.raises(pytest.fail.Exception, match="there is none; REQUIRE_CONTAINER is set"):
        go_without("there is none", {"REQUIRE_CONTAINER": "1"})
