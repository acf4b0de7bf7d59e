"""The same conformance suite once more, as a user who is not root.

Root runs it in an outer bubblewrap that gives another user id for real, and opens a way to the interpreter and to
this folder where their parents are closed to others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox import find_bwrap

REPO = Path(__file__).resolve().parent.parent.parent
USER = 41_234
BECOME = (
    f"import os, sys; os.setgroups([]); os.setresgid({USER}, {USER}, {USER}); os.setresuid({USER}, {USER}, {USER});"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def reachable(paths: list[Path]) -> list[str]:
    """Return mounts that put an open folder in place of each closed one above `paths`, with only `paths` in it."""
    words: list[str] = []
    closed = {above for path in paths for above in path.parents if above.stat().st_mode & 0o005 != 0o005}
    tops = {folder for folder in closed if not closed & set(folder.parents)}
    for top in sorted(tops):
        words += ["--tmpfs", str(top)]
        for path in paths:
            if top in path.parents:
                for above in reversed(path.parents):
                    words += ["--dir", str(above)] if top in above.parents else []
                words += ["--ro-bind", str(path), str(path)]
    return words


def as_ordinary_user(*command: str) -> list[str]:
    bwrap = find_bwrap()
    paths = [Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), REPO]
    outer = [
        str(bwrap),
        "--dev-bind",
        "/",
        "/",
        *reachable(list(dict.fromkeys(paths))),
        "--cap-add",
        "ALL",
        "--",
    ]
    return [*outer, sys.executable, "-I", "-c", BECOME, *command]


def whole_suite() -> list[str]:
    names = ("slots", "confinement", "behaviour")
    return [str(REPO / "tests" / "sandbox" / f"test_{name}.py") for name in names]


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap for this platform")
def test_an_ordinary_user_is_confined_just_as_well() -> None:
    probe = as_ordinary_user(
        str(find_bwrap()), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"
    )
    tried = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode:
        pytest.skip(f"ordinary users cannot make user namespaces here: {tried.stderr.strip()}")
    environment = {
        "HOME": "/tmp",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "USER": "somebody",
        "OMP_NUM_THREADS": "1",
    }
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
        as_ordinary_user(*pytest_command, *whole_suite()),
        env=environment, cwd=REPO, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
