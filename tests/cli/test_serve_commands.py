"""`grader serve` refuses what cannot work before it serves anything, and keeps a worker running beside the site."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from contests import small_contest

from grader.cli import serve as serve_module
from grader.cli.errors import complaint
from grader.cli.serve import WorkerKeeper, worker_command
from grader.cli.serve_options import ServeOptions

if TYPE_CHECKING:
    from conftest import Run

    from grader.task.spec import Task


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "name the contest's folder"),
        (("FOLDER",), "contest.toml"),
        (("FOLDER", "--host", "0.0.0.0"), "--insecure-lan"),
        (("FOLDER", "--cert", "cert.pem"), "--key"),
    ],
    ids=["no contest", "no rules", "unencrypted", "half a certificate"],
)
def test_what_cannot_be_served_is_one_line(
    run: Run, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    code, _, err = run("serve", *(str(tmp_path) if word == "FOLDER" else word for word in words))
    assert code == 2
    assert reason in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ServeOptions(jobs=3), ["--jobs", "3", "--device", "auto", "--attached", "--engine", "local"]),
        (
            ServeOptions(allow_gpu=True),
            ["--jobs", "1", "--device", "auto", "--attached", "--allow-gpu", "--engine", "local"],
        ),
        (
            ServeOptions(jobs=8, engine="ray", ray_address="10.0.0.1:6379", shared=Path("/shared")),
            [
                *("--jobs", "8", "--device", "auto", "--attached", "--engine", "ray"),
                *("--ray-address", "10.0.0.1:6379", "--shared", "/shared"),
            ],
        ),
    ],
    ids=["this machine", "a GPU for programs", "a cluster"],
)
def test_the_worker_beside_the_site_grades_where_the_site_was_told(
    tmp_path: Path, options: ServeOptions, words: list[str]
) -> None:
    small = small_contest(tmp_path / "contest")
    command = worker_command(small.contest, options)
    assert command[command.index("worker") :] == ["worker", str(small.store.folder), *words]


IMPORTED = {"argon2-cffi": "argon2", "markdown-it-py": "markdown_it", "python-multipart": "python_multipart"}


def test_whatever_package_of_the_extra_is_missing_one_line_says_what_to_install() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    for wanted in settings["project"]["optional-dependencies"]["serve"]:
        name = re.split("[><=]", wanted)[0]
        package = IMPORTED.get(name, name)
        problem = complaint(ModuleNotFoundError(f"No module named {package!r}", name=package))
        assert (problem.code, problem.traceback) == (2, "")
        assert "pip install 'notebook-olympiad[grade,serve]'" in problem.line


def test_a_worker_that_ends_is_replaced_and_the_last_one_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_module, "_PAUSE_SECONDS", 0.01)
    program = f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w'); time.sleep(0.05 if len(os.listdir({str(tmp_path)!r})) < 3 else 60)"
    with WorkerKeeper([sys.executable, "-S", "-c", program]):
        deadline = time.monotonic() + 120
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_worker_that_ends_while_the_site_stops_leaves_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_module, "_PAUSE_SECONDS", 0.01)
    program = f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w'); time.sleep(0 if len(os.listdir({str(tmp_path)!r})) < 2 else 600)"
    keeper = WorkerKeeper([sys.executable, "-S", "-c", program])
    stops = threading.Thread(target=keeper.__exit__, daemon=True)

    def stop_now(_: str) -> None:
        stops.start()
        time.sleep(0.2)  # the site stops between the decision to start another one and its start

    monkeypatch.setattr("grader.cli.output.warn", stop_now)
    keeper.__enter__()
    keeper._thread.join(60)
    stops.join(60)
    ended = not stops.is_alive()
    keeper._process.kill()
    assert ended


@pytest.mark.slow
def test_a_worker_ends_with_the_site_that_was_killed(toy_task: Task, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "grader",
        "serve",
        str(tmp_path / "demo"),
        "--demo",
        "--demo-task",
        f"{toy_task.folder}/",
    ]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as site:
        assert site.stdout is not None
        for _ in range(5):
            site.stdout.readline()
        deadline = time.monotonic() + 120
        while not (workers := psutil.Process(site.pid).children()) and time.monotonic() < deadline:
            time.sleep(0.02)
        site.kill()
    (worker,) = workers
    worker.wait(120)
    assert not worker.is_running()


def test_a_demo_is_served_with_codes_for_its_people_and_ends_with_ctrl_c(
    toy_task: Task, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "grader", "serve", str(tmp_path / "demo"), "--demo", "--demo-task", f"{toy_task.folder}/",
        "--jobs", "0", "--port", "0",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        address = re.search(r"http://\S+", lines[4])
        assert address is not None
        with urllib.request.urlopen(f"{address[0]}/sign-in", timeout=120) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(120) in (0, 130)
    assert [line.split("  ")[1].strip() for line in lines[:4]] == ["Organiser", "Ada Example", "Bela Example", "Chen Example"]  # fmt: skip
    assert str(tmp_path / "demo") in lines[5]


def test_a_port_that_is_taken_is_said_before_a_demo_is_made(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", str(tmp_path / "demo"), "--demo", "--port", str(port))
    assert (code, (tmp_path / "demo").exists()) == (2, False)
    assert "choose another --port" in err
