"""Notice that a notebook was saved with another program in it, however an editor writes files."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Self

from grader.errors import StudentFault
from grader.notebooks.reading import MAX_BYTES, is_code, read_notebook, source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLL_SECONDS = 0.25


def cells_of(data: bytes) -> object:
    """Return what counts of a notebook: its cells without outputs; of what cannot be read, the bytes."""
    try:
        cells = read_notebook(data)["cells"]
    except StudentFault:
        return hashlib.sha256(data).digest()
    return [(is_code(cell), source(cell)) for cell in cells]


class Watch:
    """Looks at a file now and then. What was last given is remembered by its `meaning`.

    A save is taken when two looks have seen the same file: an editor may write in pieces, or remove the file and put
    another one in its place. Meanwhile a file that is not there is no save.
    """

    def __init__(self, path: Path, meaning: Callable[[bytes], object] = cells_of) -> None:
        self._path, self._meaning = path, meaning
        self._last: object = None
        self._given = False
        self._before: tuple[int, int, int] | None = None  # what the last look saw
        self._read: tuple[int, int, int] | None = None  # what the file was when it was last read

    def look(self) -> bytes | None:
        """Return the contents, if they are settled and mean something else than those given last; else None."""
        now = self._state()
        settled, self._before = now is not None and now == self._before, now
        if not settled or now == self._read:
            return None
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError:
            return None
        if self._state() != now:  # written to while it was read
            return None
        self._read = now
        meaning = self._meaning(data)
        if self._given and meaning == self._last:
            return None
        self._given, self._last = True, meaning
        return data

    def wait(self) -> bytes:
        """Return the contents as soon as they mean something else."""
        while (data := self.look()) is None:
            time.sleep(POLL_SECONDS)
        return data

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class Saving:
    """While it is entered, a save of another program raises KeyboardInterrupt in the main thread, as Ctrl-C does.

    `data` is what was saved; None as long as nothing was.
    """

    def __init__(self, watch: Watch) -> None:
        self.data: bytes | None = None
        self._watch = watch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._await_save, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _await_save(self) -> None:
        while self.data is None and not self._stop.wait(POLL_SECONDS):
            self.data = self._watch.look()
        main = threading.main_thread().ident
        if self.data is not None and main is not None and not self._stop.is_set():
            signal.pthread_kill(main, signal.SIGINT)  # to this thread, for it may be asleep in a lock
