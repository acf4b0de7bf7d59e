"""User ids for slots: each running slot of this machine has one that nobody else has, where root can hand them out."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from grader.sandbox.inside.rights import CAP_KILL, CAP_SETGID, CAP_SETUID

if TYPE_CHECKING:
    from collections.abc import Iterable

MAPPED_USERS = (
    65536  # fewer, and there is no user to spare: then a user namespace it is, or the grader's own user
)
HIGHEST = 1 << 31


def spare_users() -> tuple[int, int] | None:
    """Return the range that slots' own user ids are drawn from; None where this process cannot hand out any."""
    if os.geteuid() != 0 or not _may_change_users():
        return None
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    mapped = sum(int(line.split()[2]) for line in lines)
    if mapped < MAPPED_USERS:
        return None
    return (1 << 30, HIGHEST) if mapped > HIGHEST else (mapped // 2, mapped - 2)


def closed_folder(paths: Iterable[Path]) -> Path | None:
    """Return the first folder above `paths` that other users cannot pass through; None where there is none."""
    above = dict.fromkeys(folder for path in paths for folder in reversed(path.resolve().parents))
    return next((folder for folder in above if not folder.stat().st_mode & stat.S_IXOTH), None)


def _may_change_users() -> bool:
    """Return whether this process has the rights for it: the root of some containers has not."""
    fields = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    )
    held = int(fields["CapEff"], 16)
    return all(held >> right & 1 for right in (CAP_SETUID, CAP_SETGID, CAP_KILL))


class SlotUser:
    """The user of one sandbox, reserved until `release`, also against other graders on this machine; 0: nobody of its own."""

    def __init__(self, users: tuple[int, int] | None) -> None:
        self.number = 0
        self._mark: socket.socket | None = None
        while users and not self.number:
            number = secrets.choice(range(*users))
            mark = socket.socket(socket.AF_UNIX)
            try:
                mark.bind(f"\0slot-user-{number}")  # a name without a file, which ends with this process
            except OSError:
                mark.close()
                continue
            self.number, self._mark = number, mark

    def release(self) -> None:
        """Let others have the user; call it when no process of theirs is left. Idempotent."""
        with contextlib.suppress(OSError):
            if self._mark is not None:
                self._mark.close()
