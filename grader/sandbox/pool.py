"""Start sandboxes ahead, so that nobody waits for the imports in them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from grader.errors import GraderFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.sandbox import Sandbox


class SandboxSupply:
    """Hand out sandboxes, the next one always started ahead so that its imports cost nobody a wait."""

    def __init__(self, open_one: Callable[[], Sandbox], expected: int) -> None:
        self._open = open_one
        self._left = expected
        self._lock = threading.Lock()
        self._ahead: list[Sandbox] = []

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
            if len(self._ahead) < self._left:
                with contextlib.suppress(
                    GraderFault, OSError
                ):  # whoever needs it opens it, and hears why not
                    self._ahead.append(self._open())
            return taken

    def close(self) -> None:
        """End the sandboxes that nobody took."""
        with self._lock:
            self._left = 0
            while self._ahead:
                self._ahead.pop().close()
