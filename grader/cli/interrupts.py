"""Interrupt what a command does from another of its threads, and end with whoever holds the other end of standard input."""

from __future__ import annotations

import os
import signal
import threading


def interrupt_main_thread() -> None:
    """Send Ctrl-C to the main thread, so that what it waits for is interrupted, too."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:  # Windows
        signal.raise_signal(signal.SIGINT)


def interrupt_at_end_of_input() -> None:
    """Interrupt the main thread when standard input ends: also where whoever holds its other end is killed."""
    threading.Thread(target=_await_end_of_input, daemon=True).start()


def _await_end_of_input() -> None:
    while os.read(0, 1024):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    interrupt_main_thread()
