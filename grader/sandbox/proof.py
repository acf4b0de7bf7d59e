"""Prove in about a second that walls stand on this machine: try what must fail, from inside."""

from __future__ import annotations

import contextlib
import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault, StudentFault
from grader.sandbox.alone import can_fork
from grader.sandbox.contract import SlotSource
from grader.sandbox.inside import wire
from grader.sandbox.pool import open_sandbox
from grader.sandbox.process import site_folders
from grader.task.limits import Limits

if TYPE_CHECKING:
    from grader.sandbox.contract import Slot
    from grader.sandbox.pool import Walls

LIMITS = Limits(memory_mb=64, threads=4, output_kb=64, return_mb=1)
PROBE = '''
import os, posix, socket, threading, time

def REALLY_FORK():
    """Start a process past what this module's `os` was made to say."""
    import ctypes, platform
    libc = ctypes.CDLL(None, use_errno=True)
    child = libc.syscall(56 if platform.machine() == "x86_64" else 220, 17, 0, 0, 0, 0)
    if child == 0:
        posix._exit(0)
    if child < 0:
        raise PermissionError(os.strerror(ctypes.get_errno()))

def names(folder):
    """Return what is seen in `folder`; nothing where it may not be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []

def attempt(action, *arguments):
    """Return why `action` failed, or "" where it did not."""
    try:
        action(*arguments)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""

def write(path):
    with open(path, "wb") as file:
        file.write(b"x" * (2 << 20))

def start_threads():
    for _ in range(8):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()

def probe(home, source):
    return {
        "network": attempt(socket.create_connection, ("127.0.0.1", 9), 1),
        "write": attempt(open, os.__file__, "r+b"),
        "home": names(home),
        "source": attempt(open, source),
        "processes": [int(name) for name in names("/proc") if name.isdigit() and int(name) != os.getpid()],
        "signal": attempt(os.kill, os.getppid(), 0),
        "fork": attempt(REALLY_FORK),
        "memory": attempt(bytearray, 256 << 20),
        "file": attempt(write, "/tmp/large"),
        "threads": attempt(start_threads),
        "status": open("/proc/self/status").read(),
    }
'''


@dataclass(frozen=True)
class Check:
    """One thing that was tried: its name, whether it came out as it must, and what was seen."""

    name: str
    ok: bool
    detail: str


def prove(walls: Walls) -> list[Check]:
    """Try from inside what a sandbox must not allow, in about a second; in a plain process most of it is allowed.

    Never raises: a sandbox that does not start is one failed check.
    """
    if walls != "plain" and not can_fork():
        return [Check("starts", ok=False, detail="this system cannot fork confined processes")]
    try:
        opened = open_sandbox(LIMITS, imports="", walls=walls)
    except GraderFault as error:
        return [Check("starts", ok=False, detail=str(error))]
    try:
        running = opened.start_slot(SlotSource("", PROBE, ("probe",), 0))
        seen = _ask(running)
        running.close()
    except (GraderFault, StudentFault, wire.WireError, OSError) as error:
        return [Check("starts", ok=False, detail=str(error))]
    finally:
        with contextlib.suppress(GraderFault):  # whether it works was asked, and is answered
            opened.close()
    return [Check("starts", ok=True, detail=opened.name), *_judge(seen)]


def _ask(running: Slot) -> dict[str, Any]:
    running.socket.settimeout(30)
    ready = wire.receive(running.socket)
    if ready["kind"] != "ready":
        raise GraderFault(ready["message"])
    arguments = (str(Path.home()), str(Path(__file__).resolve()))
    wire.send(running.socket, {"kind": "call", "number": 1, "entry": "probe", "args": arguments})
    answer = wire.receive(running.socket)
    if answer["kind"] != "answer":
        raise GraderFault(answer["message"])
    return dict(answer["value"])


def _library_folders() -> set[str]:
    """Return the names in the home folder that lead to mounted libraries; nothing else may be seen there."""
    home = Path.home().resolve()
    mounted = [Path(sys.base_prefix).resolve(), *site_folders()]
    return {folder.relative_to(home).parts[0] for folder in mounted if folder.is_relative_to(home)}


def _judge(seen: dict[str, Any]) -> list[Check]:
    status = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    rights = {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    return [
        Check("no network", "PermissionError" in seen["network"], seen["network"] or "connected"),
        Check("libraries cannot be changed", bool(seen["write"]), seen["write"] or "opened one for writing"),
        Check("no home folder", set(seen["home"]) <= _library_folders(), f"sees {seen['home']} in it"),
        Check("this program's files are not there", bool(seen["source"]), seen["source"] or "opened one"),
        Check(
            "no other processes", set(seen["processes"]) <= {1}, f"sees {seen['processes']} besides itself"
        ),
        Check("no signals to others", bool(seen["signal"]), seen["signal"] or "signalled its parent"),
        Check("no new processes", bool(seen["fork"]), seen["fork"] or "forked"),
        Check(
            "no rights",
            rights == {"0" * 16} and status["NoNewPrivs"] == "1",
            f"capabilities {sorted(rights)}",
        ),
        Check("system calls are filtered", status["Seccomp"] == "2", f"seccomp mode {status['Seccomp']}"),
        Check("memory is limited", "MemoryError" in seen["memory"], seen["memory"] or "took 256 MB"),
        Check("no files can be written", bool(seen["file"]), seen["file"] or "wrote 2 MB"),
        Check(
            "threads are limited", "RuntimeError" in seen["threads"], seen["threads"] or "started 8 threads"
        ),
    ]


def stand(walls: Walls) -> bool:
    """Return whether such walls really confine on this machine: tried, not assumed, and not again once they did."""
    try:
        _prove_once(walls)
    except GraderFault:
        return False
    return True


@functools.cache
def _prove_once(walls: Walls) -> None:
    """Raise GraderFault where such walls do not stand; that is not remembered, for the reason may pass."""
    wrong = [check for check in prove(walls) if not check.ok]
    if wrong:
        raise GraderFault(f"{wrong[0].name}: {wrong[0].detail}")


def find_walls(limits: Limits) -> tuple[Walls | None, str]:
    """Return the walls that this machine puts around slots with `limits`, or None and what failed first of each kind."""
    reasons = [f"{limits.need_namespaces} of the task needs namespaces"] if limits.need_namespaces else []
    kinds: tuple[Walls, ...] = ("namespaces", "landlock")
    for walls in kinds:
        try:
            _prove_once(walls)
        except GraderFault as fault:
            reasons.append(f"{walls}: {fault}")
        else:
            if walls == "namespaces" or not limits.need_namespaces:
                return walls, ""
    return None, "; ".join(reasons)


def walls_for(limits: Limits) -> Walls | None:
    """Return the walls of `find_walls`, where nobody asks why there are none."""
    return find_walls(limits)[0]


def required_walls(limits: Limits) -> Walls:
    """Return the walls of `find_walls`. Raises GraderFault where there are none."""
    walls, reasons = find_walls(limits)
    if walls is None:
        raise GraderFault(f"no sandbox works on this machine: {reasons}")
    return walls
