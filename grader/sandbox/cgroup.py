"""A cap on the memory of a whole sandbox, where root can make a control group.

The limit of a process (RLIMIT_AS) counts each process alone and no files in memory; a control group counts all
of them together. Ordinary users go without: then the worst a slot can take is its memory times its processes.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

MOUNT = Path("/sys/fs/cgroup")
LIBRARIES_BYTES = 1536 << 20  # what importing torch and its friends may take on top
ABANDONED_SECONDS = 60.0  # a younger group may be about to get its first process
REMOVE_SECONDS = 2.0  # the kernel lets go of a group a moment after its last process


@dataclass(frozen=True)
class ControlGroup:
    """One folder of the control group file system, and its file that counts kills."""

    folder: Path
    events: str

    def add(self, pid: int) -> None:
        """Put a process, and all that it will start, into the group."""
        (self.folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def kills(self) -> int:
        """Return how many processes were killed here for want of memory."""
        lines = (self.folder / self.events).read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def remove(self) -> None:
        """Remove the group, which has no process any more. Idempotent."""
        end = time.monotonic() + REMOVE_SECONDS
        while self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError:
                if time.monotonic() > end:
                    return  # an empty folder stays behind; it limits nobody
                time.sleep(0.01)


def make_group(slot_bytes: int) -> ControlGroup | None:
    """Make a group with room for a slot of that size; None where this machine or this user cannot."""
    if os.geteuid() != 0:
        return None
    unified = (MOUNT / "cgroup.controllers").exists()
    above = _above(unified=unified)
    _remove_abandoned(above)
    folder = above / f"slot-{uuid4().hex}"
    limit = str(slot_bytes + LIBRARIES_BYTES)
    try:
        if unified:
            (above / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        folder.mkdir()
    except OSError:
        return None
    try:
        (folder / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(limit, encoding="ascii")
    except OSError:
        folder.rmdir()
        return None
    return ControlGroup(folder, "memory.events" if unified else "memory.oom_control")


def _remove_abandoned(above: Path) -> None:
    """Remove groups whose maker was killed; the kernel keeps those with a process in them."""
    for folder in above.glob("slot-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                folder.rmdir()


def _above(*, unified: bool) -> Path:
    """Return the folder for new groups: below our own (version 1), or beside it (2: only leaves hold processes)."""
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if unified and not controllers:
            return (MOUNT / path.strip("/")).parent if path != "/" else MOUNT
        if "memory" in controllers.split(","):
            own = MOUNT / "memory" / path.strip("/")
            return own if own.is_dir() else MOUNT / "memory"
    return MOUNT
