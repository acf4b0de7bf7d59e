"""A trainer in fifty lines: it starts a slot, calls it, and says how that ended."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from grader.sandbox import SlotSource
from grader.sandbox.inside import wire

if TYPE_CHECKING:
    from grader.sandbox import Sandbox, Slot

ENTRY = "your_select_indices"
IMPORTS = "import numpy as np\nimport torch\n"


@dataclass(frozen=True)
class Outcome:
    verdict: str
    message: str = ""
    traceback: str = ""
    output: str = ""
    number: int = 0
    answers: list[Any] = field(default_factory=list)

    @property
    def answer(self) -> Any:
        assert self.verdict == "scored", self
        return self.answers[-1]


def arguments(samples: int = 128) -> tuple[Any, Any]:
    """Return targets (n,) int64 and two losses (n,) float32."""
    generator = np.random.default_rng(0)
    losses = [generator.random(samples, dtype=np.float32) for _ in range(2)]
    return generator.integers(0, 2, samples), losses


def play(sandbox: Sandbox, slot: str, *, calls: int = 1, seconds: float = 60.0, seed: int = 1) -> Outcome:
    """Run one slot to its end; nothing of it is left."""
    running = sandbox.start_slot(SlotSource(IMPORTS, slot, (ENTRY,), seed))
    try:
        running.socket.settimeout(seconds)
        return converse(running, calls)
    finally:
        running.close()


def converse(running: Slot, calls: int, entry: str = ENTRY, args: tuple[Any, ...] | None = None) -> Outcome:
    answers: list[Any] = []
    try:
        for number in range(calls + 1):
            if number:
                call = {"kind": "call", "number": number, "entry": entry, "args": args or arguments()}
                wire.send(running.socket, call)
            frame = wire.receive(running.socket)
            if frame["kind"] == "failed":
                said = {name: frame[name] for name in ("verdict", "message", "traceback", "number")}
                return Outcome(**said, output=running.output())
            if number:
                answers.append(frame["value"])
    except TimeoutError:
        return Outcome("time_limit", output=running.output())
    except wire.Closed:
        fault = running.fault()
        assert fault is not None
        return Outcome(fault.verdict.value, fault.message, output=running.output())
    except wire.WireError as error:
        return Outcome("invalid_output", str(error))
    return Outcome("scored", output=running.output(), answers=answers)


def function(body: str) -> str:
    """Return a slot whose function has `body`, one statement a line."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"def {ENTRY}(targets, losses):\n{lines}"


def cross(value: Any, caps: wire.Caps = wire.DEFAULT_CAPS) -> Any:
    """Send `value` over a socket and return what arrives."""
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=wire.send, args=(left, value, caps))
        sender.start()
        try:
            return wire.receive(right, caps)
        finally:
            sender.join()


def processes_of(pid_namespace: str) -> list[int]:
    """Return the processes of this machine that live in a pid namespace ("pid:[4026531836]")."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str((folder / "ns" / "pid").readlink()) == pid_namespace:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def processes_saying(mark: str) -> list[int]:
    """Return the processes of this machine with `mark` in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def eventually(condition: Any, seconds: float = 60.0) -> bool:
    """Return whether `condition` comes true in time; a loaded machine takes long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or has only its parent to wait for."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def header_of(path: Path) -> tuple[str, str]:
    """Return the expected verdict of a slot file, and what it needs: "confinement", "processes" or nothing."""
    lines = path.read_text(encoding="utf-8").splitlines()
    match = re.match(r"# expect: (\w+) -- .+", lines[0])
    assert match, f"{path.name} says what it expects in its first line"
    return match[1], lines[1].removeprefix("# needs: ") if lines[1].startswith("# needs: ") else ""
