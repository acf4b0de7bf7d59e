"""Try a slot on the first call of an earlier run, so that a broken submission costs no training.

The first call's arguments are decided before the student's function has answered anything: they are the same
for everybody. So whoever fails here would fail in exactly this call of the full run, and the verdict is the same;
whoever passes, or is slow, gets the full run, which decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import time
from typing import TYPE_CHECKING, Any

from grader.notebooks.slots import is_slot
from grader.sandbox.inside import wire
from grader.trainer.attribution import blame_slot
from grader.trainer.ledger import Ledger
from grader.trainer.proxy import FIRST_CALL, Channel, SlotFailure

if TYPE_CHECKING:
    from pathlib import Path

    from grader.errors import StudentFault
    from grader.sandbox import Slot
    from grader.trainer.proxy import Boundary

_SECONDS = 5.0  # for loading and answering; slower code is not judged here


def try_first_call(slot: Slot, frame: bytes, boundary: Boundary) -> StudentFault | None:
    """Return the fault with which `slot` fails to load or to answer the kept `frame`; None if it does not.

    What it answers is not looked at: only the task's own code knows what is right. The slot is used up.
    """
    if hasattr(slot.socket, "trainer"):
        return None  # its connection is made by the trainer, and the full run decides
    ledger = Ledger()
    try:
        with _Hurried(slot.socket, _SECONDS) as sock:
            channel = Channel(sock, ledger, boundary, receive=wire.receive_outline)
            try:
                channel.wait_until_loaded()
                channel.replay(frame)
            except SlotFailure:
                return blame_slot(ledger, slot)
            except TimeoutError:
                return None
            return None
    finally:
        ledger.close()


class _Hurried(socket.socket):
    """A copy of a socket whose waits take `seconds` all together: a slot that drips its bytes gains no time."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        super().__init__(fileno=os.dup(sock.fileno()))
        self.settimeout(seconds)
        self._end = time.monotonic() + seconds

    def recvmsg_into(self, *args: Any) -> Any:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)
        return super().recvmsg_into(*args)


def first_call(kept: Path) -> bytes | None:
    """Return the frame that an earlier run left, if there is one."""
    try:
        return kept.read_bytes()
    except OSError:
        return None


def keep_first_call(run: Path, kept: Path) -> None:
    """Move the frame that a trainer wrote in its folder `run` to `kept`, whole or not at all."""
    with contextlib.suppress(OSError):  # without it the next submission is run in full, that is all
        written = run / FIRST_CALL
        if kept.exists():
            written.unlink()
            return
        frame = written.read_bytes()
        handle, draft = tempfile.mkstemp(dir=kept.parent)
        with open(handle, "wb") as file:  # noqa: PTH123 -- of a descriptor
            file.write(frame)
        os.replace(draft, kept)  # noqa: PTH105 -- of a text
        written.unlink()


def explained(notebook: dict[str, Any], fault: StudentFault, printed: str) -> str:
    """Return the notebook that a student sees who got no further than here, as JSON: their output and their error."""
    shown = json.loads(json.dumps(notebook))
    cell = next(cell for cell in shown["cells"] if is_slot(cell))
    printed_output = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
    text = (fault.traceback or fault.message).splitlines()
    error = {"output_type": "error", "ename": fault.verdict.value, "evalue": fault.message, "traceback": text}
    cell["outputs"] = [*printed_output, error]
    return json.dumps(shown, indent=1) + "\n"
