"""The Dockerfile makes an image that grades with default options: built on Debian's own packages, by Podman."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from containers import PODMAN, REPO, Container, go_without, hand_over

from grader.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conftest import Submit

    from grader.task.spec import Task

pytest_plugins = ["containers"]
BASE, IMAGE = "localhost/debian-of-a-test", "localhost/notebook-olympiad-of-a-test"
BUILD_SECONDS = 3000
READY = "this machine is ready to grade"


def test_the_image_gets_what_grading_needs_and_nothing_else() -> None:
    kept = [
        line.removeprefix("!")
        for line in (REPO / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    ]
    assert {"grader", "tasks", "starter_notebooks", "solutions", "pyproject.toml"} <= set(kept)
    assert all((REPO / name).exists() for name in kept)
    assert not {".git", ".venv", "tests"} & set(kept)


def test_what_pages_run_in_the_image_is_a_command_whose_packages_it_has() -> None:
    pages = [REPO / "README.md", *(REPO / "docs").glob("*.md")]
    shown = {
        found[1]
        for page in pages
        for found in re.finditer(r"docker run .*notebook-olympiad (\w+)", page.read_text("utf-8"))
    }
    assert {"grade", "serve"} <= shown <= {row.name for row in COMMANDS}
    assert "'.[grade,serve]'" in (REPO / "Dockerfile").read_text("utf-8")


@pytest.fixture(scope="module")
def image(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """The image, with Docker's filter of system calls around it.

    PODMAN_BUILD_OPTIONS adds words to `podman build`, for machines that reach packages in a way of their own.
    """
    if shutil.which("mmdebstrap") is None:
        go_without("mmdebstrap is not installed", os.environ)
    archive = tmp_path_factory.mktemp("debian") / "debian.tar"
    more = shlex.split(os.environ.get("PODMAN_BUILD_OPTIONS", ""))
    build = ["podman", "build", "--isolation", "chroot", "--network", "host", "--build-arg", f"BASE={BASE}"]
    for command in (
        ["mmdebstrap", "--variant=minbase", "bookworm", str(archive)],
        ["podman", "import", str(archive), BASE],
        [*build, *more, "--tag", IMAGE, str(REPO)],
    ):
        subprocess.run(command, check=True, timeout=BUILD_SECONDS)
    yield container
    subprocess.run(["podman", "rmi", "--force", IMAGE, BASE], check=False, timeout=300)


def in_image(image: Container, words: Sequence[str], *options: str) -> str:
    command = [*PODMAN, "--security-opt", f"seccomp={image.profile}", *options, IMAGE, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(2 * BUILD_SECONDS)
@pytest.mark.parametrize("user", [0, 1000], ids=["root", "user"])
def test_the_image_is_ready_and_grades(
    image: Container, user: int, toy_task: Task, submit: Submit, toy_solution: str, tmp_path: Path
) -> None:
    options = ("--user", str(user), "--volume", f"{tmp_path}:/class")
    assert in_image(image, (), *options).splitlines()[-1] == READY
    shutil.copytree(toy_task.folder.parent.parent, tmp_path / "clone")
    submit(toy_solution)
    hand_over(tmp_path, user)
    words = ("grade", "clone/tasks/toy_task", "student.ipynb", "--out", "results", "--repeats", "1", "--json")
    (record,) = json.loads(in_image(image, words, *options))
    assert record["verdict"] == "scored"
    assert record["points"] > 50
    assert "noisy_labels" in in_image(image, ("tasks",))
    in_image(image, ("contest", "new", "contest", "--task", "clone/tasks/toy_task"), *options)
