"""What a slot printed, as far as it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.errors import StudentFault, Verdict
from grader.sandbox.inside.tracebacks import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.task.limits import Limits


class PrintedText:
    """The bytes that a slot printed, up to its limit; `too_much` says that there were more."""

    def __init__(self, limits: Limits) -> None:
        self._most_bytes = limits.output_kb * 1024
        self._kept = bytearray()
        self.too_much = False

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, chunk: bytes) -> bool:
        """Keep what there is room for; return whether that was all of it."""
        room = self._most_bytes - len(self._kept)
        self._kept += chunk[:room]
        self.too_much = self.too_much or len(chunk) > room
        return not self.too_much

    def holds(self, signs: Iterable[bytes]) -> bool:
        """Return whether one of `signs` was printed."""
        return any(sign in self._kept for sign in signs)

    def text(self) -> str:
        """Return what was kept: decoded, without control characters."""
        text = bytes(self._kept).decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        return clean(text, len(text))

    def fault(self) -> StudentFault | None:
        """Return the fault of whoever printed too much."""
        message = f"your code printed more than the {self._most_bytes // 1024} KB it may print"
        return StudentFault(Verdict.OUTPUT_LIMIT, message) if self.too_much else None
