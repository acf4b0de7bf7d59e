"""The process that imports libraries once, and forks a sandbox for each slot. It never sees a line of a student's.

The parent sends one byte with two descriptors, a control socket and a log; the sandbox's first process introduces itself on
that socket, gets its settings there, puts up its walls, and then obeys it as `server.Server`. Nothing but descriptors is read
here, so that the memory which all sandboxes inherit holds nothing of any of them.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from grader.sandbox.inside import huge_pages, namespaces, rights, seccomp, wire

if TYPE_CHECKING:
    from collections.abc import Callable

FORK = b"F"
FORKED = b"forked"  # with a descriptor that stands for the sandbox's first process
WANTED = 2  # descriptors with each command: the sandbox's control socket, and its log
SETTLING_FORKS = 3
BUILT = b"built"  # before the imports, and then why walls could not be built instead


def try_walls(config: dict[str, Any]) -> bytes:
    """Build the namespaces of a sandbox once, around nothing. Return BUILT, or why they cannot be built here.

    Without namespaces, all walls are those of a slot, and each slot tells whether its own stand.
    """
    if config["walls"] != "namespaces":
        return BUILT
    reading, writing = os.pipe()
    first = os.fork()
    if not first:
        try:
            _fork_apart(config, lambda child: os.waitpid(child, 0))
            _put_up_walls(config, file_mb=1)
            os.write(writing, BUILT)
        except OSError as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        report = file.read()
    os.waitpid(first, 0)
    return report or b"the process that tried it ended"


def serve(control: socket.socket, config: dict[str, Any]) -> tuple[socket.socket, dict[str, Any]]:
    """Fork until the parent is gone, then exit. In each fork, return its control socket and its settings, behind its walls."""
    threads = len(list(Path("/proc/self/task").iterdir())) if sys.platform == "linux" else 1
    if threads > 1:  # what waits for one that a fork has lost waits for ever
        sys.stderr.write(f"the imports of the task start {threads - 1} threads, which no fork would have")
        sys.stderr.flush()
        os._exit(1)
    if shared := _shared_memory():
        sys.stderr.write(f"the imports of the task share memory that every fork could write to: {shared}")
        sys.stderr.flush()
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for what is forked
    memory = huge_pages.ForkedMemory()
    _settle(memory)
    while True:
        descriptors = _fork_next(control)
        if descriptors:
            control.close()
            return _become_sandbox(config, *descriptors)
        memory.count_fork()


def _shared_memory() -> str:
    """Return the first mapping of this process that it would share with its forks, both writing; nothing where there is none."""
    rights = {line: line.split()[1] for line in huge_pages.mappings()}
    return next((line for line, of in rights.items() if of.startswith("rw") and of.endswith("s")), "")


def _settle(memory: huge_pages.ForkedMemory) -> None:
    """Fork for nobody, until one more fork leaves the memory as it was: no address tells which sandbox one is in."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for _ in range(SETTLING_FORKS):
            socket.send_fds(ours, [FORK], [ours.fileno(), theirs.fileno()])
            if _fork_next(theirs):
                os._exit(0)
            memory.count_fork()


def _fork_next(control: socket.socket) -> list[int]:
    """Fork at the parent's next command, and exit where it is gone. Return its descriptors in the fork, and none outside.

    Where the system refuses a process, one sandbox does not start: this process, and the sandboxes that it forked, go on.
    """
    command, descriptors, _, _ = socket.recv_fds(control, 1, WANTED)
    if not command:
        os._exit(0)
    if len(descriptors) == WANTED:
        try:
            if not os.fork():
                return descriptors
        except OSError as error:
            os.write(descriptors[-1], f"no process could be forked: {error.strerror}".encode())
    for descriptor in descriptors:
        os.close(descriptor)
    return []


def _become_sandbox(
    config: dict[str, Any], control_fd: int, log: int
) -> tuple[socket.socket, dict[str, Any]]:
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control = socket.socket(fileno=control_fd)
    try:
        if config["walls"] == "namespaces":
            _fork_apart(config, lambda child: _introduce(control, child))
            settings = wire.receive(control)
            _put_up_walls(config, settings["file_mb"])
        else:
            os.setsid()
            _introduce(control, os.getpid())
            settings = wire.receive(control)
            if settings["home"]:
                os.environ |= {"HOME": settings["home"], "TMPDIR": settings["home"]}
            os.chdir(settings["home"] or "/")
    except wire.Closed:
        os._exit(0)
    except OSError:
        _fail()
    return control, {**config, **settings}


def _introduce(control: socket.socket, process: int) -> None:
    """Hand the parent a descriptor that stands for the first process of the sandbox, where the system has such; or its number."""
    if hasattr(os, "pidfd_open"):
        socket.send_fds(control, [FORKED], [os.pidfd_open(process)])
    else:
        control.sendall(str(process).encode())


def _fork_apart(config: dict[str, Any], introduce: Callable[[int], object]) -> None:
    """Become the first process of namespaces of its own; the process between calls `introduce` with its number, and ends.

    Of a process that leaves its pid namespace only the next child is in the new one, hence a second fork.
    """
    namespaces.separate(own_user=not config["users"])
    child = os.fork()
    if child:
        try:
            introduce(child)
        finally:
            os._exit(0)


def _put_up_walls(config: dict[str, Any], file_mb: int) -> None:
    """Lose every right but those that give a slot a user of its own and end it. Raises OSError where a wall does not stand."""
    namespaces.furnish(config["private"], file_mb << 20)
    if not config["users"]:  # else a slot does so when it becomes another user
        rights.go_first()
    rights.drop_rights((rights.CAP_SETUID, rights.CAP_SETGID, rights.CAP_KILL) if config["users"] else ())
    program = seccomp.program(card="card" in config)
    if program:
        rights.filter_calls(program)
    rights.hide()
    os.chdir(config["private"][0])


def _fail() -> NoReturn:
    """End with the reason in the log; the parent sees its end."""
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
