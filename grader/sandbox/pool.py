"""Start sandboxes ahead, so that nobody waits for the imports in them."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import GraderFault
from grader.sandbox.backends import open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.sandbox.backends import Backend
    from grader.sandbox.contract import Sandbox
    from grader.task.spec import Limits


@dataclass(frozen=True)
class SandboxSpec:
    """What a sandbox is made of; two of the same spec are as good as each other."""

    limits: Limits
    imports: str
    backend: Backend

    def open(self) -> Sandbox:
        """Open one. Raises GraderFault where bubblewrap is asked for and not there."""
        return open_sandbox(self.limits, imports=self.imports, backend=self.backend)


class SandboxSupply:
    """Hand out sandboxes to `expected` submissions, up to `ahead` of them always started before they are needed.

    Nothing is started before the first is taken, unless `start` asks for it. `ready` are some that are started already.
    """

    def __init__(
        self,
        open_one: Callable[[], Sandbox],
        expected: int,
        *,
        ahead: int = 1,
        ready: list[Sandbox] | None = None,
    ) -> None:
        self._open = open_one
        self._left = expected
        self._most = ahead
        self._lock = threading.Lock()
        self._ahead = list(ready or [])

    def start(self, count: int) -> None:
        """Start up to `count` sandboxes ahead."""
        with self._lock:
            while len(self._ahead) < min(count, self._left):
                self._ahead.append(self._open())

    def take(self) -> Sandbox:
        """Return a sandbox nobody has used; the caller closes it."""
        with self._lock:
            taken = self._ahead.pop(0) if self._ahead else self._open()
            self._left -= 1
            with contextlib.suppress(GraderFault, OSError):  # whoever needs it opens it, and hears why not
                while len(self._ahead) < min(self._most, self._left):
                    self._ahead.append(self._open())
            return taken

    def leave(self) -> list[Sandbox]:
        """Return the sandboxes that nobody took, which the caller closes; no more are started ahead."""
        with self._lock:
            self._left = 0
            unused, self._ahead = self._ahead, []
            return unused

    def close(self) -> None:
        """End the sandboxes that nobody took."""
        for sandbox in self.leave():
            sandbox.close()


class SandboxPool:
    """Supplies for one batch after the other. `kept` sandboxes stay ready for a next batch that needs the same.

    Safe to use from several threads.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._ready: dict[SandboxSpec, list[Sandbox]] = {}
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def supply(self, spec: SandboxSpec, *, expected: int, ahead: int) -> Iterator[SandboxSupply]:
        """Yield a supply for `expected` submissions; what nobody took of it is kept, or ends with the context."""
        with self._lock:
            kept = self._ready.pop(spec, [])
        ready = [sandbox for sandbox in kept if sandbox.is_running()]
        _end([sandbox for sandbox in kept if sandbox not in ready])
        supply = SandboxSupply(spec.open, expected + self._kept, ahead=ahead, ready=ready)
        try:
            yield supply
        finally:
            self._keep(spec, supply.leave())

    def _keep(self, spec: SandboxSpec, unused: list[Sandbox]) -> None:
        """Keep what the pool has room for, in the place of what was kept for another spec."""
        with self._lock:
            room = 0 if self._closed else self._kept
            surplus = unused[room:]
            if unused[:room]:
                surplus += [sandbox for ready in self._ready.values() for sandbox in ready]
                self._ready = {spec: unused[:room]}
        _end(surplus)

    def close(self) -> None:
        """End what is kept; what is left of open supplies ends with them. Idempotent."""
        with self._lock:
            self._closed = True
            surplus = [sandbox for ready in self._ready.values() for sandbox in ready]
            self._ready = {}
        _end(surplus)


def _end(sandboxes: list[Sandbox]) -> None:
    """End all of them, also where one cannot be ended. Raises GraderFault then."""
    with contextlib.ExitStack() as stack:
        for sandbox in sandboxes:
            stack.callback(sandbox.close)
