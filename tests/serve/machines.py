"""A machine on which a contest is served: site and worker as processes of their own, that lose power, disk and time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from grader.files import write_atomic

_COMMAND = (sys.executable, str(Path(__file__).with_name("moved_clock.py")))
_FULL_BYTES = 4096  # that a file may have on a disk that is full
_STOP_SECONDS = 60
_KEEPER_SECONDS = 1.0


def _free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])


@dataclass
class Machine:
    """Serves and grades the contest of `folder` on a port of its own; both commands begin anew wherever they were killed.

    `kills` counts what was killed, and `ends` what ended by itself and was started again, as an init system does: on a disk
    that is full only when it has room. Several threads may kill at once.
    """

    folder: Path
    jobs: int = 2
    port: int = field(default_factory=_free_port)
    site: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None
    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    _most_bytes: int = psutil.RLIM_INFINITY  # that a file may have
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _off: threading.Event = field(default_factory=threading.Event)
    _keeper: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.move_clock(0)
        self.start_worker()
        self.start_site()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._off.set()
        if self._keeper:
            self._keeper.join()
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
        with self._lock:
            self.kills["site"] += 1
            _killed(self.site)
            time.sleep(pause)
            self.start_site()

    def kill_worker(self, pause: float = 0.0) -> None:
        """Kill the worker and start it again after `pause` seconds."""
        with self._lock:
            self.kills["worker"] += 1
            _killed(self.worker)
            time.sleep(pause)
            self.start_worker()

    def kill_both(self, pause: float = 0.0) -> None:
        """Kill everything at one moment, as a power cut does, and start it again after `pause` seconds."""
        with self._lock:
            self.kills["both"] += 1
            for process in (self.site, self.worker):
                if process is not None:
                    process.send_signal(signal.SIGKILL)
            _killed(self.site)
            _killed(self.worker)
            time.sleep(pause)
            self.start_worker()
            self.start_site()

    def fill_disk(self) -> None:
        """Let the disk be full for both, also where they are started again: no file may grow beyond some bytes."""
        with self._lock:
            self._limit_files(_FULL_BYTES)

    def free_disk(self) -> None:
        """Let the disk have room again."""
        with self._lock:
            self._limit_files(psutil.RLIM_INFINITY)
            self._revive()

    def move_clock(self, seconds: float) -> None:
        """Let the clock on the wall be so many seconds ahead."""
        write_atomic(self.folder / "moved", str(seconds).encode())

    def _keep(self) -> None:
        while not self._off.wait(_KEEPER_SECONDS):
            with self._lock:
                if self._most_bytes == psutil.RLIM_INFINITY:
                    self._revive()

    def _revive(self) -> None:
        """Start again what has ended by itself."""
        for name, process, start in (
            ("site", self.site, self.start_site),
            ("worker", self.worker, self.start_worker),
        ):
            if process is not None and process.poll() is not None:
                self.ends[name] += 1
                start()

    def _limit_files(self, most: int) -> None:
        self._most_bytes = most
        for process in (self.site, self.worker):
            if process is not None and process.poll() is None:
                self._limit(process)

    def _limit(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (self._most_bytes, psutil.RLIM_INFINITY))

    def _started(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "MOVED_CLOCK": str(self.folder / "moved")}
        with (self.folder / "machine.log").open("ab") as log:
            process = subprocess.Popen([*_COMMAND, *words], stdout=log, stderr=log, env=environment)
        self._limit(process)
        return process


def _killed(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.kill()
        process.wait()
