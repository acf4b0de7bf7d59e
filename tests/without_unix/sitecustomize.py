"""Hide from the grader what Windows lacks, in each Python that finds this folder in PYTHONPATH."""

from __future__ import annotations

import builtins
import os
import signal
import socket
import subprocess
from typing import Any

MODULES = {"fcntl", "resource", "pwd", "grp", "termios"}
ATTRIBUTES: dict[Any, tuple[str, ...]] = {
    os: ("fork", "forkpty", "pidfd_open", "memfd_create"),
    signal: ("SIGUSR1", "pthread_kill", "pidfd_send_signal"),
    socket: ("send_fds", "recv_fds"),
}
_import, _start = builtins.__import__, subprocess.Popen.__init__


def importing(
    name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    if name in MODULES and str((globals_ or {}).get("__name__", "")).startswith("grader"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _import(name, globals_, locals_, fromlist, level)


def starting(self: Any, *words: Any, **options: Any) -> None:
    if options.get("pass_fds"):
        raise ValueError("pass_fds not supported on Windows")
    _start(self, *words, **options)


builtins.__import__ = importing  # type: ignore[assignment]
subprocess.Popen.__init__ = starting  # type: ignore[method-assign]
for owner, names in ATTRIBUTES.items():
    for attribute in names:
        if hasattr(owner, attribute):
            delattr(owner, attribute)
