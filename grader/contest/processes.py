"""Know whether a process of this machine has ended, so that what it had is given to another one at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

_NUMBERS = Path("/proc/self/ns/pid")  # names who counts processes: a container counts its own


@dataclass(frozen=True)
class ProcessIdentity:
    """A process by its number, and by who counts: `counted_by` is "" where the system does not tell."""

    number: int
    counted_by: str

    @classmethod
    def of_this(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        try:
            return cls(os.getpid(), str(_NUMBERS.readlink()))
        except OSError:
            return cls(os.getpid(), "")

    def has_ended(self) -> bool:
        """Return whether this process has surely ended; of a process of another container nobody knows."""
        return self.counted_by == self.of_this().counted_by and not _is_alive(self.number)


def _is_alive(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # somebody else's
