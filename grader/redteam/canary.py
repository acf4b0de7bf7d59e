"""Lay out bait for attacks, so that a missing wall is noticed.

The bait is a random text, the canary. It is in a file that everybody may read, in the environment, in shared memory
and in a pipe, and listeners send it to whoever connects. No honest slot ever sees it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import selectors
import socket
import struct
import tempfile
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PARENT = Path("/var/tmp")  # noqa: S108 -- everybody's, and unlike /tmp not hidden by a sandbox's own folder of the name
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- likewise everybody's
_POLL_SECONDS = 0.02
_TRIES = 50  # for a port that is free in all four ways


class Bait:
    """The bait while it is laid out. `targets` is what an attack learns about it."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        """Lay it out in `folder`; `stack` takes what has to be ended."""
        name = f"bait-{secrets.token_hex(6)}"
        self.canary = secrets.token_hex(16)
        self.folder, self.shared_memory = folder, _SHARED_MEMORY / name
        self.places = (self.folder, self.shared_memory)  # of files: nobody else has any business there
        self.targets: dict[str, str | int] = {}
        self._variable = f"TORCH_BAIT_{secrets.token_hex(4).upper()}"  # so named, trainers inherit it
        self._hits: list[str] = []
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._lock = threading.Lock()
        self._lay_files(stack)
        self._lay_pipe(stack)
        self._lay_listeners(stack, f"\0{name}")
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), name="bait", daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(ended.set)

    def touched(self) -> list[str]:
        """Return who touched the bait since the last call."""
        self._serve()
        with self._lock:
            hits = list(dict.fromkeys(self._hits))
            self._hits.clear()
        if self._pipe_bytes() != len(self.canary):
            hits.append("something was read from the pipe, or written to it")
            self._fill_pipe()
        return hits

    def _lay_files(self, stack: contextlib.ExitStack) -> None:
        self.folder.chmod(0o755)
        file, folder = self.folder / "canary", self.folder / "open"
        folder.mkdir()
        folder.chmod(0o1777)
        for path, mode in ((file, 0o644), (self.shared_memory, 0o666)):
            path.write_text(self.canary, encoding="ascii")
            path.chmod(mode)
        stack.callback(self.shared_memory.unlink, missing_ok=True)
        os.environ[self._variable] = self.canary
        stack.callback(os.environ.pop, self._variable, None)
        self.targets |= {
            "canary_file": str(file),
            "canary_folder": str(folder),
            "shared_memory": self.shared_memory.name,
            "variable": self._variable,
        }

    def _lay_pipe(self, stack: contextlib.ExitStack) -> None:
        path = self.folder / "pipe"
        os.mkfifo(path)
        path.chmod(0o666)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        stack.callback(os.close, self._pipe)
        self._fill_pipe()
        self.targets["fifo"] = str(path)

    def _lay_listeners(self, stack: contextlib.ExitStack, abstract: str) -> None:
        path = str(self.folder / "socket")
        for label, address, kind in (
            ("a unix socket (in a folder)", path, socket.SOCK_STREAM),
            ("a unix socket (abstract)", abstract, socket.SOCK_STREAM),
            ("a unix socket for datagrams (abstract)", abstract, socket.SOCK_DGRAM),
        ):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            listener.bind(address)
            self._listen(listener, label)
        Path(path).chmod(0o777)
        for _ in range(_TRIES):
            with contextlib.ExitStack() as attempt, contextlib.suppress(OSError):
                opened = _four_ways(attempt)
                stack.push(attempt.pop_all())
                break
        else:
            raise OSError("no port of this machine is free for TCP and UDP")
        for label, bound in opened.items():
            self._listen(bound, label)
        port = next(iter(opened.values())).getsockname()[1]
        self.targets |= {"unix_socket": path, "abstract": abstract[1:], "port": port}

    def _listen(self, bound: socket.socket, label: str) -> None:
        bound.setblocking(False)
        answer: Callable[[], None]
        if bound.type == socket.SOCK_DGRAM:
            answer = lambda: self._answer_datagram(bound, label)  # noqa: E731 -- one of two
        else:
            bound.listen()
            answer = lambda: self._answer_connection(bound, label)  # noqa: E731
        self._selector.register(bound, selectors.EVENT_READ, answer)

    def _answer_connection(self, bound: socket.socket, label: str) -> None:
        connection, _ = bound.accept()
        self._hits.append(f"{label} was connected to")
        with connection:
            connection.setblocking(False)
            connection.sendall(self.canary.encode())

    def _answer_datagram(self, bound: socket.socket, label: str) -> None:
        _, sender = bound.recvfrom(1 << 16)
        self._hits.append(f"{label} was sent something")
        if sender:  # a unix socket may have no name
            bound.sendto(self.canary.encode(), sender)

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_POLL_SECONDS):
            self._serve()

    def _serve(self) -> None:
        with self._lock:
            for key, _ in self._selector.select(0):
                with contextlib.suppress(OSError):  # who came has gone again
                    key.data()

    def _pipe_bytes(self) -> int:
        answer = fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(struct.calcsize("i")))
        return int(struct.unpack("i", answer)[0])

    def _fill_pipe(self) -> None:
        while self._pipe_bytes():
            os.read(self._pipe, 1 << 16)
        os.write(self._pipe, self.canary.encode())


@contextlib.contextmanager
def lay_bait() -> Iterator[Bait]:
    """Lay out bait in a new folder of its own; all of it ends with the context."""
    parent = _PARENT if os.access(_PARENT, os.W_OK) else None
    with contextlib.ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="bait-", dir=parent, ignore_cleanup_errors=True)
        yield Bait(Path(stack.enter_context(made)), stack)


def _four_ways(stack: contextlib.ExitStack) -> dict[str, socket.socket]:
    """Return sockets bound to one port of this machine alone, TCP and UDP, where there is IPv6 also with that.

    Raises OSError where one of them is taken.
    """
    port = 0
    opened: dict[str, socket.socket] = {}
    families = [("IPv4", socket.AF_INET, "127.0.0.1")]
    if _has_loopback_6():
        families.append(("IPv6", socket.AF_INET6, "::1"))
    for version, family, address in families:
        for name, kind in (("TCP", socket.SOCK_STREAM), ("UDP", socket.SOCK_DGRAM)):
            bound = stack.enter_context(socket.socket(family, kind))
            bound.bind((address, port))
            port = bound.getsockname()[1]
            opened[f"a {name} port ({version})"] = bound
    return opened


def _has_loopback_6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True
