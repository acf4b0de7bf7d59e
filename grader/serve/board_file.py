"""Make the leaderboard anew at most every few seconds, as a file: a rush of readers costs no more than one."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from grader.contest.store import PAGES
from grader.errors import UsageError
from grader.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOARD_SECONDS = 4.5  # with the time that the next one takes, nobody sees one that is older than 5 s


class BoardFile:
    """The table of the leaderboard in each language, in files of `pages/` in a contest's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / PAGES
        self._made: dict[str, float] = {}
        self._lock = threading.Lock()

    def table(self, language: str, make: Callable[[], str]) -> str:
        """Return the table as HTML: what `make` returned at most `BOARD_SECONDS` ago."""
        path = self._folder / f"board.{language}.html"
        with self._lock:
            if time.monotonic() - self._made.get(language, float("-inf")) < BOARD_SECONDS:
                with contextlib.suppress(FileNotFoundError):  # somebody was erased
                    return path.read_text(encoding="utf-8")
            begun = time.monotonic()  # of what it shows; events go on while it is made
            text = make()
            with contextlib.suppress(UsageError):  # a full disk: the next reader has it made again
                write_atomic(path, text.encode())
                self._made[language] = begun
            return text
