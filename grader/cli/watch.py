"""Notice that a notebook was saved with another program in it, however an editor writes files."""

from __future__ import annotations

import _thread
import hashlib
import signal
import threading
from typing import TYPE_CHECKING, Self

import watchfiles

from grader.errors import StudentFault
from grader.notebooks.reading import MAX_BYTES, is_code, read_notebook, source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

_QUIET_SECONDS = 0.25  # without another change, before a file counts as saved: an editor may write in pieces
_LOOK_MS = 1000  # then the file is looked at without an event, for network file systems send none
_INTERRUPTING = getattr(signal, "SIGUSR1", signal.SIGINT)  # Windows has no such signal


def cells_of(data: bytes) -> object:
    """Return what counts of a notebook: its cells without outputs; of what cannot be read, the bytes."""
    try:
        cells = read_notebook(data)["cells"]
    except StudentFault:
        return hashlib.sha256(data).digest()
    return [(is_code(cell), source(cell)) for cell in cells]


class NotebookWatch:
    """Returns the contents of a file whenever their `meaning` is another than that of those given last.

    Meanwhile a missing file is no save: an editor may remove the file and put another one in its place.
    """

    def __init__(self, path: Path, meaning: Callable[[bytes], object] = cells_of) -> None:
        self._path, self._meaning = path.absolute(), meaning
        self._last: object = None
        self._given = False
        self._read: tuple[int, int, int] | None = None  # what the file was when it was last read

    def read(self) -> bytes | None:
        """Return the contents as they are now, if they mean something else than those given last; else None."""
        now = self._state()
        if now is None or now == self._read:
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
        data = self.wait_unless(threading.Event())
        assert data is not None  # nobody can set that event
        return data

    def wait_unless(self, stop: threading.Event) -> bytes | None:
        """Return the contents as soon as they mean something else, or None once `stop` is set."""
        if not self._given and (data := self.read()) is not None:
            return data
        for _ in watchfiles.watch(
            self._path.parent,
            watch_filter=lambda _, path: path == str(self._path),
            stop_event=stop,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
        ):
            if self._state() != self._read and self._settled(stop) and (data := self.read()) is not None:
                return data
        return None

    def _settled(self, stop: threading.Event) -> bool:
        """Return True once the file has not changed for a while, or False once `stop` is set."""
        before = self._state()
        while not stop.wait(_QUIET_SECONDS):
            if (now := self._state()) == before:
                return True
            before = now
        return False

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


class Saving:
    """While it is entered, a save of another program raises KeyboardInterrupt in the main thread, as Ctrl-C does.

    `data` is what was saved; None as long as nothing was.
    """

    def __init__(self, watch: NotebookWatch) -> None:
        self.data: bytes | None = None
        self._watch = watch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._await_save, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._handler = signal.signal(_INTERRUPTING, _interrupt)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        signal.signal(_INTERRUPTING, self._handler)

    def _await_save(self) -> None:
        self.data = self._watch.wait_unless(self._stop)
        main = threading.main_thread().ident
        if self.data is not None and main is not None and not self._stop.is_set():
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main, _INTERRUPTING)  # to this thread, for it may be asleep in a lock
            else:
                _thread.interrupt_main(_INTERRUPTING)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
