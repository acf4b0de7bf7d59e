"""What the benchmarks share: the machine's description, spreads, and a task folder of their own."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import resource
import shutil
import statistics
from pathlib import Path
from typing import Any

from grader import build
from grader.task import Task, read_task

HERE = Path(__file__).resolve().parent


def machine() -> dict[str, Any]:
    """Return what a figure must be read with."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def spread(values: list[float]) -> dict[str, float | int]:
    """Return the median of `values` with their range, rounded to what can be read."""
    return {
        "median": round(statistics.median(values), 6),
        "min": round(min(values), 6),
        "max": round(max(values), 6),
        "runs": len(values),
    }


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of every child that has ended and was waited for."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def empty_task(folder: Path) -> Task:
    """Copy the nearly empty task into `folder` and build its notebooks."""
    place = folder / "tasks" / "empty_task"
    shutil.copytree(HERE / "empty_task", place)
    task = read_task(place)
    build.write(task)
    return task


class Quiet:
    """A watcher of a batch that says nothing."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Say nothing."""

    def on_result(self, result: Any) -> None:
        """Say nothing."""

    def on_notice(self, text: str) -> None:
        """Say nothing."""


def report(name: str, **figures: Any) -> None:
    """Print one benchmark's JSON."""
    print(json.dumps({"benchmark": name, "machine": machine(), **figures}, indent=2))
