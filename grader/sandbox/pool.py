"""Sandboxes for submissions, forked by processes that have imported what they need, so that nobody waits for imports."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader.errors import GraderFault
from grader.sandbox import bwrap, landlocked, plain, process
from grader.sandbox.alone import AloneSandbox, can_fork
from grader.sandbox.card import Card
from grader.sandbox.forked import ForkedSandbox, LibraryProcess
from grader.sandbox.inside.landlock import LATEST
from grader.sandbox.session import SlotSandbox
from grader.sandbox.users import SlotUser, spare_users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grader.sandbox.contract import Sandbox
    from grader.task.limits import Limits

Walls = Literal["namespaces", "landlock", "plain"]
NAMES: dict[Walls, str] = {"namespaces": "namespaces", "landlock": "Landlock", "plain": "plain process"}


# What the process that imports depends on: with the same, it forks the sandboxes of any limits.
_Key = tuple[str, int, int, bool, str, tuple[Path, ...], Card | None]


class SandboxSource:
    """Sandboxes behind `walls` whose libraries are what the statements `imports` name, for slots with these `limits`.

    Its own process starts when the first is opened, unless `start` asks for it, and is replaced where it died. On a machine
    that lets it confine nothing, each sandbox imports for itself, one of them ahead. Safe to use from several threads.
    """

    def __init__(
        self,
        imports: str,
        limits: Limits,
        walls: Walls | Callable[[], Walls],
        *,
        mounts: tuple[Path, ...] = (),
        card: Card | None = None,
        landlock: int = LATEST,
    ) -> None:
        """`walls` may be what chooses them, when they are needed. Of Landlock, no more is used than version `landlock` knows.

        `mounts` are folders that slots may read, all in one other folder. `card` is their GPU, one slot's at a time.
        """
        self._card = card
        self._mounts = mounts
        self._imports = imports
        self._limits = limits
        self._choice = walls
        self._landlock = landlock
        self._library: LibraryProcess | None = None
        self._refusal: str | None = None  # why nothing is forked; None: not tried yet
        self._ahead: dict[Limits, process.ServerProcess] = {}
        self._lock = threading.Lock()
        self._closed = False

    @functools.cached_property
    def _walls(self) -> Walls:
        return self._choice if isinstance(self._choice, str) else self._choice()

    @functools.cached_property
    def _users(self) -> tuple[int, int] | None:
        """The range that slots' own users are drawn from."""
        if self._walls == "plain":
            return None
        return spare_users() if self._walls == "namespaces" else landlocked.users(self._mounts)

    def _command(self, control_fd: int, facts_fd: int) -> process.ServerCommand:
        given = (self._imports, self._limits, control_fd, facts_fd)
        if self._walls == "landlock":
            return landlocked.library_command(
                *given, mounts=self._mounts, card=self._card, most=self._landlock
            )
        command = bwrap.library_command if self._walls == "namespaces" else plain.library_command
        return command(*given, mounts=self._mounts, card=self._card)

    def start(self) -> None:
        """Start the imports, and return at once. Raises GraderFault where this machine lacks what the walls are made of."""
        if not self._starts_anew() and not self._refusal:
            self._running()

    def why_not_forked(self) -> str:
        """Return why each sandbox imports for itself on this machine; nothing where they are forked.

        Raises GraderFault where the process that would fork them does not start.
        """
        if self._refusal is None:
            self._refusal = self._running().problem()
        return self._refusal

    def open(self, limits: Limits, *, on_close: Callable[[], None] = lambda: None) -> Sandbox:
        """Open a sandbox nobody has used; the caller closes it, and then `on_close` is called.

        Does not wait for the imports. Raises GraderFault where this machine lacks what the walls are made of.
        """
        if self._starts_anew():
            return AloneSandbox(limits, on_close, mounts=process.parent_of(self._mounts))
        own = contextlib.ExitStack()
        own.callback(on_close)
        with contextlib.ExitStack() as failing:
            failing.push(own)
            home = ""
            if self._walls == "plain":
                folder = tempfile.TemporaryDirectory(prefix="slot-", ignore_cleanup_errors=True)
                home = own.enter_context(folder)
            open_process = functools.partial(self._open_process, limits, home)
            sandbox = SlotSandbox(NAMES[self._walls], limits, open_process, own.close)
            failing.pop_all()
        return sandbox

    def _starts_anew(self) -> bool:
        return self._walls == "plain" and not can_fork()

    def _open_process(self, limits: Limits, home: str) -> process.SandboxProcess:
        if self.why_not_forked():
            if self._card:
                raise GraderFault(f"a GPU takes sandboxes that are forked: {self.why_not_forked()}")
            return self._begun_ahead(limits)
        with contextlib.suppress(GraderFault):  # it had just ended; another one follows
            return ForkedSandbox(self._running(), limits, users=self._users, home=home)
        return ForkedSandbox(self._running(), limits, users=self._users, home=home)

    def _begun_ahead(self, limits: Limits) -> process.ServerProcess:
        """Return a process that began to import when the one before was opened, if there was one; and begin the next."""
        with self._lock:
            if self._closed:
                raise GraderFault("the sandboxes are closed")
            ahead = self._ahead.pop(limits, None) or self._begin(limits)
            self._ahead[limits] = self._begin(limits)
            library, self._library = self._library, None
        if library is not None:
            library.end()
        return ahead

    def _begin(self, limits: Limits) -> process.ServerProcess:
        user = SlotUser(self._users)
        command = functools.partial(
            bwrap.sandbox_command, limits, self._imports, user.number, mounts=self._mounts
        )
        return process.ServerProcess(command, user.release)

    def _running(self) -> LibraryProcess:
        with self._lock:
            if self._closed:
                raise GraderFault("the sandboxes are closed")
            if self._walls == "namespaces":
                bwrap.required_bwrap()
            if self._walls == "landlock":
                landlocked.required(self._limits, most=self._landlock)
            if self._library is None or not self._library.is_running():
                if self._library is not None:
                    self._library.end()
                self._library = LibraryProcess(self._command, has_namespaces=self._walls == "namespaces")
            return self._library

    def close(self) -> None:
        """End the process and the confined sandboxes that it forked. Idempotent. Raises GraderFault where something survives."""
        with self._lock:
            self._closed = True
            library, self._library = self._library, None
            ahead, self._ahead = list(self._ahead.values()), {}
        with contextlib.ExitStack() as stack:
            if library is not None:
                stack.callback(library.end)
            for begun in ahead:
                stack.callback(begun.end)


class SandboxPool:
    """Sources for one batch after the other; the `kept` that were used last stay ready between batches.

    `choose` finds the walls of slots that may have "any". Safe to use from several threads.
    """

    def __init__(self, kept: int, choose: Callable[[Limits], Walls]) -> None:
        self._kept = kept
        self._choose = choose
        self._idle: dict[_Key, SandboxSource] = {}
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def source(
        self,
        imports: str,
        limits: Limits,
        walls: Walls | Literal["any"],
        *,
        mounts: tuple[Path, ...] = (),
        card: Card | None = None,
    ) -> Iterator[SandboxSource]:
        """Yield a source of such sandboxes; when the context ends it is kept for the next, or ends."""
        key = (imports, limits.threads, limits.processes, bool(limits.file_mb), walls, mounts, card)
        with self._lock:
            chosen = functools.partial(self._choose, limits) if walls == "any" else walls
            source = self._idle.pop(key, None) or SandboxSource(
                imports, limits, chosen, mounts=mounts, card=card
            )
        try:
            yield source
        finally:
            self._keep(key, source)

    def _keep(self, key: _Key, source: SandboxSource) -> None:
        with self._lock:
            surplus = (
                [self._idle.pop(key)] if key in self._idle else []
            )  # a batch beside this one had its own
            self._idle[key] = source
            while len(self._idle) > (0 if self._closed else self._kept):
                surplus.append(self._idle.pop(next(iter(self._idle))))
        _end(surplus)

    def close(self) -> None:
        """End what is kept; what is open ends with its context. Idempotent."""
        with self._lock:
            self._closed = True
            surplus, self._idle = list(self._idle.values()), {}
        _end(surplus)


def open_sandbox(limits: Limits, *, imports: str, walls: Walls) -> Sandbox:
    """Open one sandbox with a source of its own, and return at once; `imports` are imported in the background.

    Raises GraderFault where this machine lacks what the walls are made of.
    """
    source = SandboxSource(imports, limits, walls)
    source.start()
    return source.open(limits, on_close=source.close)


def _end(sources: list[SandboxSource]) -> None:
    """End all of them, also where one cannot be ended. Raises GraderFault then."""
    with contextlib.ExitStack() as stack:
        for source in sources:
            stack.callback(source.close)
