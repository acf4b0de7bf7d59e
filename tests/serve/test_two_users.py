"""Site and worker as two users of one group: each reads what it needs, and neither what is the other's alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING

import pytest
from containers import reachable

from grader.contest.folder import open_folder, start_contest
from grader.contest.people import NewParticipant, enrol, new_code, new_token
from grader.errors import EXPLANATIONS, Verdict
from grader.sandbox import find_bwrap
from grader.serve.client import Handover, submit_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.task.spec import Task

SITE, WORKER, GROUP, MASK = 41_001, 41_002, 41_000, 0o007
BECOME = (
    "import os, sys; user, group, mask = map(int, sys.argv[1:4]); os.umask(mask); os.setgroups([]); "
    "os.setresgid(group, group, group); os.setresuid(user, user, user); os.execv(sys.argv[4], sys.argv[4:])"
)
GRADER = (sys.executable, "-m", "grader")
RULES = """
title = "Two users"
tasks = [{{ name = "{task}" }}]
windows = [{{ opens = 2020-01-01T00:00:00Z, closes = 2120-01-01T00:00:00Z }}]
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(os.geteuid()), reason="only root can be two users"),
    pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap, which opens a way to what is installed"),
]


def as_user(user: int, shared: Path, *command: str) -> list[str]:
    """Return how to run a command as a user of the group, who finds what is installed and the folder `shared`."""
    outer = [
        str(find_bwrap()),
        "--dev-bind",
        "/",
        "/",
        *reachable(shared),
        "--cap-add",
        "ALL",
        "--die-with-parent",
        "--",
    ]
    return [*outer, sys.executable, "-I", "-c", BECOME, str(user), str(GROUP), str(MASK), *command]


def environment() -> dict[str, str]:
    """Return the environment of both: root's home is closed to them."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp", "MPLCONFIGDIR": "/nowhere"}


@contextmanager
def served_by(user: int, folder: Path) -> Iterator[str]:
    """Serve the contest of a folder as a user, without a worker, and yield the address."""
    command = as_user(user, folder.parent, *GRADER, "serve", str(folder), "--jobs", "0", "--port", "0")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            os.killpg(
                process.pid, signal.SIGTERM
            )  # who changes the user may stand between, and hand nothing on


@pytest.fixture
def folder(tmp_path: Path, toy_task: Task) -> Path:
    """A contest's folder as the page of contests has it set up, of the user who serves."""
    shutil.copytree(toy_task.folder.parent.parent, tmp_path / "clone")
    for path in (tmp_path, tmp_path / "clone", *(tmp_path / "clone").rglob("*")):
        path.chmod(0o755)
    folder = tmp_path / "contest"
    folder.mkdir()
    os.chown(folder, SITE, GROUP)
    folder.chmod(0o2770)
    mask = os.umask(MASK)
    try:
        start_contest(folder, RULES.format(task=tmp_path / "clone" / "tasks" / "toy_task"))
    finally:
        os.umask(mask)
    for path in folder.rglob("*"):
        os.chown(path, SITE, GROUP)
    return folder


def may_read(user: int, folder: Path, path: str) -> bool:
    """Return whether a user reads a file, or lists a folder, of the contest."""
    listing = as_user(user, folder.parent, "/bin/grep", "-rqs", "", str(folder / path))
    return subprocess.run(listing, check=False).returncode == 0


def test_a_worker_of_another_user_grades_for_a_site_that_cannot_read_secrets(
    folder: Path, toy_task: Task
) -> None:
    store = open_folder(folder).store
    with store.writing() as transaction:
        (ada,) = enrol(transaction, [NewParticipant("Ada")])
        code, token = new_code(transaction, ada.id), new_token(transaction, ada.id)
    with served_by(SITE, folder) as address:
        submit_file(toy_task.solution, Handover(address, "toy_task", token))
        words = ("contest", "worker", str(folder), "--until-idle", "--device", "cpu", "--repeats", "1")
        work = as_user(WORKER, folder.parent, *GRADER, *words)
        subprocess.run(work, check=True, env=environment(), capture_output=True)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        browser.open(f"{address}/sign-in", urllib.parse.urlencode({"code": code}).encode())
        page = browser.open(f"{address}/attempt/1").read().decode()
        assert EXPLANATIONS[Verdict.SCORED].sentence in page
        assert b"balanced accuracy" in browser.open(f"{address}/attempt/1/feedback").read()
    assert {user: [name for name in ("grading", "receipts.key", "sessions.sqlite") if may_read(user, folder, name)] for user in (SITE, WORKER)} == {
        SITE: ["receipts.key", "sessions.sqlite"], WORKER: ["grading"],
    }  # fmt: skip
