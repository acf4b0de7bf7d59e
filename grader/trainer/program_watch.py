"""Watch a student's program while it runs: its own clock, and the last line that it printed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.sandbox import Slot
    from grader.trainer.ledger import Ledger

_LINE_SECONDS = 1.0  # between two looks at what it printed
_MOST_CHARACTERS = 80


@dataclass
class ProgramWatch:
    """What is looked at again and again while the trainer waits: the `seconds` of the program (0: no limit), and its output."""

    seconds: float
    on_line: Callable[[str], None]
    ledger: Ledger
    slot: Slot
    _line: str = ""
    _looked: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Return whether the program has used up its own clock; passes a new line of it on to whoever watches the batch."""
        if time.monotonic() - self._looked >= _LINE_SECONDS:
            self._pass_on()
            self._looked = time.monotonic()
        return 0 < self.seconds <= self.ledger.slot_seconds()

    def _pass_on(self) -> None:
        lines = self.slot.output().rstrip().splitlines()
        line = lines[-1][:_MOST_CHARACTERS] if lines else ""
        if line and line != self._line:
            self._line = line
            self.on_line(line)
