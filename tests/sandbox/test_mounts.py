"""Folders of a task that its programs may read: there, unchanged, and nothing beside them, behind both kinds of walls."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import ENTRY, converse
from sandbox_fixtures import SMALL, go_without_walls

from grader.sandbox import SlotSource
from grader.sandbox.pool import SandboxSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.sandbox import Sandbox, Walls

pytestmark = pytest.mark.slow
HEAD = """
import os
MOUNTS = os.environ["GRADER_MOUNTS"]


def attempt(action, *arguments):
    try:
        return str(action(*arguments))
    except OSError as error:
        return type(error).__name__
"""
PROBE = """
def probe(secret):
    model = os.path.join(MOUNTS, "models", "small.txt")
    attempt(os.symlink, secret, "/tmp/there")
    return {
        "read": open(model).read(),
        "listed": sorted(os.listdir(os.path.join(MOUNTS, "models"))),
        "write": attempt(open, model, "w"),
        "make": attempt(open, os.path.join(MOUNTS, "models", "new.txt"), "x"),
        "remove": attempt(os.unlink, model),
        "truncate": attempt(os.truncate, model, 0),
        "mode": attempt(os.chmod, model, 0o777),
        "link": attempt(os.link, model, os.path.join(MOUNTS, "models", "again.txt")),
        "beside": attempt(open, os.path.join(MOUNTS, "task.toml")),
        "dots": attempt(open, os.path.join(MOUNTS, "models", "..", "task.toml")),
        "secret": attempt(open, secret),
        "by link": attempt(open, "/tmp/there"),
        "names": attempt(os.listdir, MOUNTS),
    }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tasks") / "mine"
    (made / "models").mkdir(parents=True)
    (made / "models" / "small.txt").write_text("weights")
    (made / "task.toml").write_text("secret")
    for path in (made, *made.parents[:3]):
        path.chmod(0o755)  # a user of its own must find the way
    return made


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def mounted(request: pytest.FixtureRequest, folder: Path) -> Iterator[Sandbox]:
    walls: Walls = request.param
    go_without_walls(walls)
    with (
        closing(SandboxSource("", SMALL, walls, mounts=(folder / "models",))) as source,
        closing(source.open(SMALL)) as sandbox,
    ):
        yield sandbox


def ask(sandbox: Sandbox, text: str, secret: str = "") -> Any:
    with closing(sandbox.start_slot(SlotSource("", HEAD + text, ("probe",), 0))) as running:
        running.socket.settimeout(30)
        return converse(running, 1, "probe", (secret,))


def test_a_mount_is_read_and_nothing_else(mounted: Sandbox, folder: Path) -> None:
    seen = ask(mounted, PROBE, str(folder / "task.toml")).answer
    assert seen.pop("read") == "weights"
    assert seen.pop("listed") == ["small.txt"]
    assert seen.pop("names") in {"['models']", "PermissionError"}, (
        "namespaces show the mounts and nothing beside"
    )
    refused = {"OSError", "PermissionError", "FileNotFoundError"}
    assert {name: value for name, value in seen.items() if value not in refused} == {}
    assert (folder / "models" / "small.txt").read_text() == "weights"
    assert [path.name for path in (folder / "models").iterdir()] == ["small.txt"]


def test_a_write_into_a_mount_is_the_error_of_the_program(mounted: Sandbox) -> None:
    outcome = ask(mounted, "def probe(secret):\n    open(MOUNTS + '/models/small.txt', 'w')\n")
    assert outcome.verdict == "slot_error", "and not a limit of files"
    assert outcome.message.startswith(("probe raised OSError", "probe raised PermissionError"))
    assert ENTRY not in outcome.traceback


def test_all_cells_run_with_the_arguments_as_variables(mounted: Sandbox) -> None:
    cells = "doubled = [2 * value for value in train]\n\n\npredictions = doubled + list(test)\n"
    call = {"kind": "call", "number": 1, "entry": "solve", "args": (), "kwargs": {"train": [1], "test": [5]}}
    assert whole(mounted, cells, call)["value"] == [2, 5]
    function = "def solve(train, test):\n    return train + test\n"
    assert whole(mounted, function, call)["value"] == [1, 5]
    failed = whole(mounted, "answer = 3\n", call)
    assert failed["message"] == "your cells define neither the variable predictions nor a function solve"


def whole(sandbox: Sandbox, cells: str, call: dict[str, Any]) -> dict[str, Any]:
    from grader.sandbox.inside import wire

    source = SlotSource("", cells, ("solve",), 0, form="notebook")
    with closing(sandbox.start_slot(source)) as running:
        assert wire.receive(running.socket)["kind"] == "ready", "nothing of it has run"
        wire.send(running.socket, call)
        return dict(wire.receive(running.socket))
