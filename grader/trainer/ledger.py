"""What the trainer did with its slot, in memory it shares with the grader, so that a kill loses none of it.

The trainer writes, the grader reads. Student code reaches neither: the ledger is an unnamed file whose
descriptor goes to the trainer only.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

# calls begun, whether the cell was loaded last (1), seconds of waits that are over, monotonic start of the running one (0: none)
_COUNTS = struct.Struct("<QQdd")
_LENGTH = struct.Struct("<I")
_FACTS_AT = _COUNTS.size
_BYTES = 1 << 17


def _unnamed_file() -> int:
    if hasattr(os, "memfd_create"):  # in memory: a full disk cannot tear it
        return os.memfd_create("ledger")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Ledger:
    """Counts and facts of one repeat's slot calls, over a file descriptor shared by two processes."""

    path = ""  # of the file, where it has a name

    @classmethod
    def named(cls) -> Ledger:
        """Return a new one in a file with a name, for systems that cannot hand over descriptors; `close` removes it."""
        fd, path = tempfile.mkstemp(prefix="ledger-")
        os.ftruncate(fd, _BYTES)
        ledger = cls(fd)
        ledger.path = path
        return ledger

    @classmethod
    def at(cls, path: str) -> Ledger:
        """Return the one in the file `path`, which stays."""
        return cls(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)))

    def __init__(self, fd: int | None = None) -> None:
        if fd is None:
            self.fd = _unnamed_file()
            os.ftruncate(self.fd, _BYTES)
        else:
            self.fd = fd
        self._memory = mmap.mmap(self.fd, _BYTES)

    @property
    def calls(self) -> int:
        """How many slot calls were begun; loading the student's cell is not one."""
        return int(self._counts()[0])

    @property
    def running(self) -> bool:
        """Whether the student's process was busy when the ledger was last written."""
        return bool(self._counts()[3])

    @property
    def loading(self) -> bool:
        """Whether the last wait was for the student's cell to be loaded, in the first process or that of a later stage."""
        return bool(self._counts()[1])

    def slot_seconds(self) -> float:
        """Return the wall seconds the student's process was waited for, up to now if it is still busy."""
        _, _, seconds, since = self._counts()
        return float(seconds + (time.monotonic() - since if since else 0.0))

    def begin(self, *, call: bool = True) -> None:
        """Note that the trainer starts to wait for the student's process."""
        begun, _, seconds, _ = self._counts()
        _COUNTS.pack_into(self._memory, 0, begun + call, not call, seconds, time.monotonic())

    def end(self) -> None:
        """Note that the wait is over."""
        begun, loading, seconds, since = self._counts()
        waited = time.monotonic() - since if since else 0.0
        _COUNTS.pack_into(self._memory, 0, begun, loading, seconds + waited, 0.0)

    def facts(self) -> dict[str, Any]:
        """Return what the trainer noted: `device`, and `failure` where the slot failed."""
        (length,) = _LENGTH.unpack_from(self._memory, _FACTS_AT)
        start = _FACTS_AT + _LENGTH.size
        return dict(json.loads(self._memory[start : start + length] or b"{}"))

    def note(self, **facts: Any) -> None:
        """Add plain JSON values to the facts.

        Raises ValueError where they do not fit.
        """
        body = json.dumps(self.facts() | facts, ensure_ascii=False).encode()
        start = _FACTS_AT + _LENGTH.size
        if start + len(body) > _BYTES:
            raise ValueError(f"{len(body)} bytes of facts do not fit the ledger")
        self._memory[start : start + len(body)] = body
        _LENGTH.pack_into(self._memory, _FACTS_AT, len(body))

    def close(self) -> None:
        """Release the memory and the descriptor."""
        self._memory.close()
        os.close(self.fd)
        if self.path:
            with contextlib.suppress(OSError):  # the trainer has it open still
                Path(self.path).unlink()

    def _counts(self) -> tuple[Any, ...]:
        return _COUNTS.unpack_from(self._memory, 0)
