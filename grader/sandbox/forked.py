"""The parent's end of a process that has imported a task's libraries, and of the sandboxes that are forked from it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import GraderFault
from grader.sandbox import cgroup, process
from grader.sandbox.inside import forks, wire
from grader.sandbox.users import SlotUser

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.sandbox.cgroup import ControlGroup
    from grader.sandbox.process import ServerCommand
    from grader.task.limits import Limits


class LibraryProcess:
    """One process that imports libraries, and then forks a sandbox whenever it is asked. Safe to use from several threads."""

    def __init__(self, prepare: Callable[[int, int], ServerCommand], *, has_namespaces: bool) -> None:
        self.has_namespaces = has_namespaces  # for each sandbox that it forks
        self._process = process.ServerProcess(prepare)
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._given_up = False

    def problem(self) -> str:
        """Return why no sandbox with walls can be forked on this machine; nothing where a try went well.

        Waits for the try, which comes before the imports. Raises GraderFault where the process did not start.
        """
        with self._lock:
            if self._problem is None:
                report = _receive(self._process.control, self)[0]
                if not report:
                    self.give_up()
                    raise GraderFault(f"the process that imports libraries did not start: {self.log()}")
                self._problem = "" if report == forks.BUILT else report.decode(errors="replace")
            return self._problem

    def fork(self, control: socket.socket, log: int) -> None:
        """Ask for a sandbox that obeys `control`; it comes when the libraries are imported.

        Raises GraderFault where the process is gone.
        """
        try:
            with self._lock:
                socket.send_fds(self._process.control, [forks.FORK], [control.fileno(), log])
        except OSError:
            self.give_up()
            raise GraderFault(f"the process that imports libraries ended: {self.log()}") from None

    def give_up(self) -> None:
        """Let it count as ended: it is, or it is stuck."""
        self._given_up = True

    def is_running(self) -> bool:
        """Return whether the process has not ended, and nobody gave it up."""
        return not self._given_up and self._process.is_running()

    def log(self) -> str:
        """Return the end of what the process, or bubblewrap, wrote."""
        return self._process.log()

    def end(self) -> None:
        """End the process, and confined sandboxes that were forked from it. Idempotent. Raises GraderFault where it survives."""
        self._process.end()


class ForkedSandbox:
    """The first process of a sandbox that `library` forks: with its namespaces, where it has any, before it obeys.

    `users` is the range that the user of its slots is drawn from, `home` the folder it works in where it is not confined.
    """

    forked = True

    def __init__(
        self, library: LibraryProcess, limits: Limits, *, users: tuple[int, int] | None, home: str
    ) -> None:
        self._library = library
        self._limits = limits
        self._home = home
        self._user = SlotUser(users)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in end()
        self._control, theirs = socket.socketpair()
        self._pid = 0
        self._pidfd: int | None = None
        self._group: ControlGroup | None = None
        self._introduced = False
        with theirs:
            try:
                library.fork(theirs, self._log.fileno())
            except GraderFault:
                self._control.close()
                self._log.close()
                self._user.release()
                raise

    @property
    def control(self) -> socket.socket:
        """Return the socket for commands, once the process is there. Raises GraderFault where it did not start."""
        if not self._introduced:
            introduction, descriptors = _receive(self._control, self._library)
            if introduction:
                self._meet(introduction, descriptors)
            self._introduced = True  # or it is gone, which whoever sends it something learns
        return self._control

    def _meet(self, introduction: bytes, descriptors: list[int]) -> None:
        """Learn the process's number, put it into a control group, and give it its settings."""
        if descriptors:
            (self._pidfd,) = descriptors
            self._pid = _number(self._pidfd)
            self._group = cgroup.group_of(self._limits)
            cgroup.enter(self._group, self._pid)
            if self._limits.gpu and not self._home:  # of a plain process nothing is expected
                cgroup.check_memory(self._group, self._pid)
        elif introduction == forks.FORKED:
            raise GraderFault("no more files can be opened, and so no sandbox")
        else:
            self._pid = int(introduction)
        settings = process.settings_of(self._limits) | {"home": self._home, "user": self._user.number}
        with contextlib.suppress(wire.Closed):
            wire.send(self._control, settings)

    def is_running(self) -> bool:
        """Return whether the process has not ended; one that is being started counts as running."""
        if self._pidfd is not None:
            return not _has_ended(self._pidfd, 0)
        return self._library.is_running()

    def log(self) -> str:
        """Return the end of what the process wrote about a failure of ours, or of what it was forked from."""
        return process.end_of(self._log).strip() or self._library.log()

    def cpu_seconds(self) -> float:
        """Return the processor time of everything in the sandbox so far."""
        return process.counted_cpu_seconds(self._group, self._pid)

    def memory_kills(self) -> int:
        """Return how many processes in the sandbox the kernel killed for want of memory, where it is counted."""
        return process.counted_kills(self._group)

    def end(self) -> None:
        """Kill the process and everything in the sandbox; return when all is gone. Idempotent.

        The kernel ends the rest of a pid namespace before its first process counts as ended. Without one, the process ends,
        and its slot before it, when nobody holds the other end of its socket; if it is killed, its slot is, too. Raises
        GraderFault where it survives.
        """
        gone = True
        if self._introduced and self._control.fileno() >= 0 and not self._library.has_namespaces:
            gone = _closes(self._control)
        if self._pidfd is not None:
            process.kill(self._pidfd)
            gone = _has_ended(self._pidfd, process.END_SECONDS)
            os.close(self._pidfd)
            self._pidfd = None
        self._control.close()
        self._log.close()
        self._user.release()
        if self._group is not None:
            self._group.remove()
        if not gone:
            raise GraderFault("a sandbox could not be ended")


def _receive(sock: socket.socket, library: LibraryProcess) -> tuple[bytes, list[int]]:
    """Return the next message and its descriptors; none where the other end is gone.

    Raises GraderFault where none comes in time, and gives `library` up: it is stuck.
    """
    sock.settimeout(process.START_SECONDS)
    try:
        message, descriptors, _, _ = socket.recv_fds(sock, 4096, 1)
    except TimeoutError:
        library.give_up()
        raise GraderFault(f"the sandbox did not start within {process.START_SECONDS:.0f} seconds") from None
    except OSError:
        return b"", []
    finally:
        sock.settimeout(None)
    return message, descriptors


def _closes(sock: socket.socket) -> bool:
    """Return whether the other end closes soon, when it hears that there is nothing more to come."""
    sock.settimeout(process.END_SECONDS)
    try:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:  # it is gone already
        return True
    return True


def _has_ended(pidfd: int, seconds: float) -> bool:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def _number(pidfd: int) -> int:
    """Return the number, as seen from here, of the process that `pidfd` stands for; -1 where it has ended."""
    lines = Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
