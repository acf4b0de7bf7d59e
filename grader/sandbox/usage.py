"""How much processor time a sandbox has used, all its processes together."""

from __future__ import annotations

import os
from pathlib import Path

_PARENT, _TIMES = (
    1,
    slice(11, 15),
)  # fields after the name in /proc/PID/stat; utime, stime and both of dead children


def cpu_seconds(root: int) -> float:
    """Return the CPU seconds of process `root`, of its descendants, and of those of them that ended; 0.0 without /proc.

    Under bubblewrap nothing escapes the count: what loses its parent becomes a child of the first process.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (
                (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            continue  # it ended while we looked
        parents[int(folder.name)] = int(fields[_PARENT])
        ticks[int(folder.name)] = sum(map(int, fields[_TIMES]))
    return sum(ticks[pid] for pid in ticks if _descends(pid, root, parents)) / os.sysconf("SC_CLK_TCK")


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid != root and pid in parents:
        pid = parents[pid]
    return pid == root
