"""Rules of the design that can be read off the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

GRADER = Path(__file__).resolve().parent.parent / "grader"
# These speak to people, or are the main program of a process of their own.
SPEAKING = {"main.py", "output.py"}
OWN_PROCESS = {
    "server.py",
    "slot.py",
    "unforked.py",
    "forks.py",
    "fork_server_process.py",
    "gradescope_container.py",
}
LIBRARY = sorted(path for path in GRADER.rglob("*.py") if "templates" not in path.parts)  # a notebook prints


def calls(path: Path) -> set[str]:
    """Return the dotted names that a file calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.name)
def test_library_code_never_prints_never_changes_directory_and_never_exits(path: Path) -> None:
    """Rule 8."""
    called = calls(path)
    if path.name not in SPEAKING:
        assert "print" not in called
    if path.name not in SPEAKING | OWN_PROCESS:
        assert not called & {"sys.exit", "os._exit", "exit", "quit", "os.chdir", "SystemExit"}


@pytest.mark.parametrize("path", sorted(GRADER.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_unpickles(path: Path) -> None:
    """Rule 2: nothing that comes out of a sandbox is unpickled."""
    source = path.read_text(encoding="utf-8")
    imported = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert not imported & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    for call in ("torch.load", "np.load"):
        for line in source.splitlines():
            assert call not in line or "allow_pickle=False" in line, line


@pytest.mark.parametrize("path", sorted(GRADER.rglob("*.py")), ids=lambda path: path.name)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
