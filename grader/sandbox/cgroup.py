"""A cap on the memory, processes and cores of a whole sandbox, and its processor time, where root can make a control group.

The limits of a process (RLIMIT_AS, RLIMIT_NPROC) count each process, or each user, alone and no files in memory; a control
group counts all of them together, and to the scheduler they are one process, however many they are. Ordinary users go
without: then the worst a slot can take is its memory times its processes, and of the cores what a lower priority leaves it.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from grader.errors import GraderFault

if TYPE_CHECKING:
    from grader.task.limits import Limits

MOUNT = Path("/sys/fs/cgroup")
LIBRARIES_BYTES = 1536 << 20  # what importing torch and its friends may take on top
OWN_PROCESSES = 8  # of the sandbox itself, beside the slot's
ABANDONED_SECONDS = 60.0  # a younger group may be about to get its first process
REMOVE_SECONDS = 2.0  # the kernel lets go of a group a moment after its last process
_CLOCK = "cpuacct"  # of version 1; in version 2 each group counts
# A core is what one thread can use, and a slot computes with one (`ONE_THREAD`) while its trainer waits: the same on every
# machine, whatever else runs there. The weight is that of one process.
PERIOD_MICROSECONDS = 100_000
CORES = 1
_CORE_LIMITS = {
    False: {
        "cpu.shares": "1024",
        "cpu.cfs_period_us": str(PERIOD_MICROSECONDS),
        "cpu.cfs_quota_us": str(CORES * PERIOD_MICROSECONDS),
    },
    True: {"cpu.weight": "100", "cpu.max": f"{CORES * PERIOD_MICROSECONDS} {PERIOD_MICROSECONDS}"},
}
_LOWER_PRIORITY = (
    5  # added to the niceness: about a third of the time that a trainer gets, where both want a core
)


@dataclass(frozen=True)
class ControlGroup:
    """Folders of the control group file systems, one for each controller (version 1) or one for all (version 2)."""

    folders: dict[str, Path]

    def add(self, pid: int) -> None:
        """Put a process, and all that it will start, into the group."""
        for folder in dict.fromkeys(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def kills(self) -> int:
        """Return how many processes were killed here for want of memory."""
        if "memory" not in self.folders:
            return 0
        folder = self.folders["memory"]
        events = folder / (
            "memory.oom_control" if (folder / "memory.oom_control").exists() else "memory.events"
        )
        lines = events.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    @property
    def limited(self) -> list[str]:
        """What there is a cap on: memory, pids, cpu."""
        return [controller for controller in self.folders if controller != _CLOCK]

    def cpu_seconds(self) -> float | None:
        """Return the processor time of all processes that ever were in the group; None where it is not counted."""
        if _CLOCK in self.folders:
            return int((self.folders[_CLOCK] / "cpuacct.usage").read_text(encoding="ascii")) / 1e9
        with contextlib.suppress(FileNotFoundError):  # in version 2 all controllers share one folder
            stat = next(iter(self.folders.values())) / "cpu.stat"
            counters = dict(map(str.split, stat.read_text(encoding="ascii").splitlines()))
            return int(counters["usage_usec"]) / 1e6 if "usage_usec" in counters else None
        return None

    def remove(self) -> None:
        """Remove the group, which has no process any more. Idempotent."""
        end = time.monotonic() + REMOVE_SECONDS
        for folder in self.folders.values():
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > end:
                        break  # an empty folder stays behind; it limits nobody
                    time.sleep(0.01)


def enter(group: ControlGroup | None, pid: int) -> None:
    """Put a process, and all that it will start, into `group`; where none divides the cores, let it give way to others.

    What cannot be done is left out: the other limits stand.
    """
    if group is not None:
        with contextlib.suppress(OSError):
            group.add(pid)
    if group is None or "cpu" not in group.folders:
        with contextlib.suppress(OSError):
            niceness = os.getpriority(
                os.PRIO_PROCESS, pid
            )  # that of a grader that itself gives way, such as under `nice`
            os.setpriority(os.PRIO_PROCESS, pid, niceness + _LOWER_PRIORITY)


def limits_memory() -> bool:
    """Return whether this user can make a control group that limits memory: tried, and removed again."""
    group = make_group(1 << 20, 1)
    if group is None:
        return False
    group.remove()
    return "memory" in group.limited


def check_memory(group: ControlGroup | None, pid: int) -> None:
    """Raise GraderFault where no control group limits the memory of process `pid`, which a GPU takes: no other limit holds."""
    folder = group.folders.get("memory") if group else None
    if folder is None or str(pid) not in (folder / "cgroup.procs").read_text(encoding="ascii").split():
        raise GraderFault(
            "a program with a GPU needs a control group that limits its memory, and there is none here; grade as root"
        )


def group_of(limits: Limits) -> ControlGroup | None:
    """Make the group of a sandbox with these limits; None where this machine or this user cannot."""
    return make_group((limits.memory_mb + 2 * limits.file_mb) << 20, max(limits.threads, limits.processes))


def make_group(slot_bytes: int, processes: int) -> ControlGroup | None:
    """Make a group with room for a slot of that size; None where this machine or this user cannot.

    A controller that is not there is left out.
    """
    if os.geteuid() != 0:
        return None
    unified = (MOUNT / "cgroup.controllers").exists()
    name = f"slot-{uuid4().hex}"
    limits = {
        "memory": {"memory.max" if unified else "memory.limit_in_bytes": str(slot_bytes + LIBRARIES_BYTES)},
        "pids": {"pids.max": str(processes + OWN_PROCESSES)},
        "cpu": _CORE_LIMITS[unified],
    }
    folders: dict[str, Path] = {}
    for controller, values in limits.items():
        with contextlib.suppress(OSError):  # left out; an empty folder is removed as abandoned
            folder = _new_folder(controller, name, unified=unified)
            for file, value in values.items():
                (folder / file).write_text(value, encoding="ascii")
            folders[controller] = folder
    if folders and not unified:
        with contextlib.suppress(OSError):
            folders[_CLOCK] = _new_folder(_CLOCK, name, unified=False)
    return ControlGroup(folders) if folders else None


def _new_folder(controller: str, name: str, *, unified: bool) -> Path:
    """Make the folder of a group for one controller; that of another one may be the same. Raises OSError where it cannot."""
    above = _above(controller, unified=unified)
    _remove_abandoned(above)
    if unified:
        (above / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    (above / name).mkdir(exist_ok=True)
    return above / name


def _remove_abandoned(above: Path) -> None:
    """Remove groups whose maker was killed; the kernel keeps those with a process in them."""
    for folder in above.glob("slot-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                folder.rmdir()


def _above(controller: str, *, unified: bool) -> Path:
    """Return the folder for new groups: below our own (version 1), or beside it (2: only leaves hold processes).

    Raises FileNotFoundError where the controller is not there.
    """
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if unified and not controllers:
            return (MOUNT / path.strip("/")).parent if path != "/" else MOUNT
        if controller in controllers.split(","):
            folder = MOUNT / controller / path.strip("/")
            return folder if folder.is_dir() else MOUNT / controller
    raise FileNotFoundError(controller)
