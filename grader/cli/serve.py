"""The commands behind `grader serve` and `grader submit`."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from grader.cli import output
from grader.contest.folder import open_contest
from grader.contest.intake import sweep
from grader.contest.store import SPEC_FILE
from grader.errors import UsageError
from grader.serve.client import Handover, submit_file
from grader.serve.demo import start_demo
from grader.serve.grade_sender import sending_grades
from grader.serve.publish import publish_tasks
from grader.serve.server import SiteServer, listen
from grader.serve.settings import ServeSettings
from grader.task.spec import load_task

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from grader.cli.serve_options import ServeOptions, SubmitOptions
    from grader.contest.folder import Contest

_STOP_SECONDS = 30
_PAUSE_SECONDS = 3.0  # before a worker that ended is replaced
_DEMO_REPEATS = 2


def serve(options: ServeOptions) -> None:
    """Serve a contest until Ctrl-C, with a worker beside it."""
    settings = ServeSettings(
        options.host, options.port, options.url, options.cert, options.key, options.insecure_lan
    )
    settings.check()
    with listen(settings) as listening:  # before a demo is made, which nobody would see
        contest = _demo(options) if options.demo else _opened(options.contest)
        publish_tasks(contest)
        sweep(contest.store)
        settings = replace(settings, port=listening.getsockname()[1])
        server = SiteServer(contest, settings)
        output.say(f"{contest.spec.title}: {settings.address}")
        if options.demo:
            output.say(
                f"Sign in with one of these codes. Ctrl-C ends it; all of it lies in {contest.store.folder}"
            )
        if settings.shows_banner:
            output.warn("unencrypted: others in this network could read along")
        with _worker(contest, options), sending_grades(contest, output.warn):
            server.run(sockets=[listening])


def _opened(path: Path | None) -> Contest:
    if path is None:
        raise UsageError(
            "name the contest's folder, or its contest.toml; --demo starts one to try things out"
        )
    return open_contest(path.parent if path.name == SPEC_FILE else path)


def _demo(options: ServeOptions) -> Contest:
    folder = options.contest or Path(tempfile.mkdtemp(prefix="contest-"))
    demo = start_demo(folder, load_task(options.demo_task))
    for name, code in demo.codes.items():
        output.say(f"{code}  {name}")
    return demo.contest


class WorkerKeeper:
    """Keeps a worker running in a process of its own, which alone knows secrets and answers: one that ends is replaced."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._process = self._started()
        self._thread = threading.Thread(target=self._keep, name="worker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:  # no other one is started from here on
            self._stopping.set()
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join()

    def _started(self) -> subprocess.Popen[bytes]:
        # Ctrl-C is for us; we end it. Its input ends with us, also where we are killed.
        return subprocess.Popen(self._command, start_new_session=True, stdin=subprocess.PIPE)

    def _keep(self) -> None:
        while True:
            code = self._process.wait()
            self._stopping.wait(_PAUSE_SECONDS)
            with self._lock:
                if self._stopping.is_set():
                    return
                output.warn(f"the worker ended with exit code {code}; starting another")
                self._process = self._started()


def _worker(contest: Contest, options: ServeOptions) -> AbstractContextManager[object]:
    return WorkerKeeper(worker_command(contest, options)) if options.jobs else nullcontext()


def worker_command(contest: Contest, options: ServeOptions) -> list[str]:
    """Return the command of the worker beside the site."""
    command = [sys.executable, "-m", "grader", "contest", "worker", str(contest.store.folder)]
    command += ["--jobs", str(options.jobs), "--device", options.device, "--attached"]
    command += ["--allow-gpu"] * options.allow_gpu
    command += ["--repeats", str(_DEMO_REPEATS)] if options.demo else []
    wanted = {"--engine": options.engine, "--ray-address": options.ray_address, "--shared": options.shared}
    return command + [word for name, value in wanted.items() if value for word in (name, str(value))]


def submit(options: SubmitOptions) -> None:
    """Hand in a file."""
    token = options.token or os.environ.get("GRADER_TOKEN") or getpass.getpass("token: ")
    receipt = submit_file(options.file, Handover(options.to, options.task_name, token.strip()))
    if options.as_json:
        output.print_json(receipt)
        return
    output.say(f"handed in as number {receipt['number']} at {receipt['received']}")
    output.say(f"SHA-256 {receipt['sha256']}")
