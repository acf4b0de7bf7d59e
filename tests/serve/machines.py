"""A machine on which a contest is served: site and worker as processes of their own, that lose power, disk and time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from grader.files import write_atomic

_COMMAND = (sys.executable, str(Path(__file__).with_name("moved_clock.py")))
_FULL_BYTES = 4096  # that a file may have on a disk that is full
_STOP_SECONDS = 60


def _free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])


@dataclass
class Machine:
    """Serves and grades the contest of `folder` on a port of its own; both commands begin anew wherever they were killed."""

    folder: Path
    jobs: int = 2
    port: int = field(default_factory=_free_port)
    site: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.move_clock(0)
        self.start_worker()
        self.start_site()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.site, self.worker):
            if process is not None:
                process.terminate()
                try:
                    process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    @property
    def log(self) -> str:
        """What both wrote to the terminal."""
        return (self.folder / "machine.log").read_text(encoding="utf-8", errors="replace")

    @property
    def has_given_up(self) -> bool:
        """Whether one of both ended by itself."""
        return any(process is None or process.poll() is not None for process in (self.site, self.worker))

    def start_site(self) -> None:
        """Start the site; it takes connections in a moment."""
        self.site = self._started("serve", str(self.folder), "--port", str(self.port), "--jobs", "0")

    def start_worker(self) -> None:
        """Start the worker."""
        words = ("--jobs", str(self.jobs), "--device", "cpu", "--repeats", "1")
        self.worker = self._started("contest", "worker", str(self.folder), *words)

    def kill_site(self, pause: float = 0.0) -> None:
        """Kill the site and start it again after `pause` seconds."""
        _killed(self.site)
        time.sleep(pause)
        self.start_site()

    def kill_worker(self, pause: float = 0.0) -> None:
        """Kill the worker and start it again after `pause` seconds."""
        _killed(self.worker)
        time.sleep(pause)
        self.start_worker()

    def kill_both(self, pause: float = 0.0) -> None:
        """Kill everything at one moment, as a power cut does, and start it again after `pause` seconds."""
        for process in (self.site, self.worker):
            if process is not None:
                process.send_signal(signal.SIGKILL)
        _killed(self.site)
        self.kill_worker(pause)
        self.start_site()

    def fill_disk(self) -> None:
        """Let the disk be full for both: no file may grow beyond some bytes."""
        self._limit_files(_FULL_BYTES)

    def free_disk(self) -> None:
        """Let the disk have room again. What could not even start is started again, as an init system does."""
        self._limit_files(psutil.RLIM_INFINITY)
        if self.site is None or self.site.poll() is not None:
            self.start_site()
        if self.worker is None or self.worker.poll() is not None:
            self.start_worker()

    def move_clock(self, seconds: float) -> None:
        """Let the clock on the wall be so many seconds ahead."""
        write_atomic(self.folder / "moved", str(seconds).encode())

    def _limit_files(self, most: int) -> None:
        for process in (self.site, self.worker):
            if process is not None and process.poll() is None:
                psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (most, psutil.RLIM_INFINITY))

    def _started(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "MOVED_CLOCK": str(self.folder / "moved")}
        with (self.folder / "machine.log").open("ab") as log:
            return subprocess.Popen([*_COMMAND, *words], stdout=log, stderr=log, env=environment)


def _killed(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()
