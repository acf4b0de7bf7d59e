"""What the benchmarks share: the machine's description, spreads, and a task folder of their own."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from grader.grading.environment import processor
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.task import build
from grader.task.spec import Task, read_task
from grader.task.starter import load_starter
from grader.task.strategies import strategies

HERE = Path(__file__).resolve().parent


def machine() -> dict[str, Any]:
    """Return what a figure must be read with."""
    return {
        "cpu": processor(),
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
    """Return the CPU seconds that this machine has spent: the kernel tells no parent of a sandbox that nobody waits for.

    Measure on a machine that does nothing else.
    """
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def variant(task: Task, number: int, answer: str = "reference") -> bytes:
    """Return one of a task's typical answers as another program than its other variants: equal ones run only once."""
    starter = load_starter(task)
    (notebook,) = [strategy.notebook for strategy in strategies(task) if strategy.name == answer]
    slot = find_slot(read_notebook(notebook), starter)
    return json.dumps(rebuild(starter, f"{slot}\nVARIANT = {number}\n")).encode()


def empty_task(folder: Path) -> Task:
    """Copy the nearly empty task into `folder` and build its notebooks."""
    place = folder / "tasks" / "empty_task"
    shutil.copytree(HERE / "empty_task", place)
    task = read_task(place)
    build.write(task)
    return task


def toy_task(folder: Path) -> Task:
    """Copy the toy task of the tests, which trains for a moment, into `folder` and build its notebooks."""
    place = folder / "tasks" / "toy_task"
    source = HERE.parent / "tests" / "toy_task"
    shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    task = read_task(place)
    build.write(task)
    return task


class Neighbours:
    """How many cores other programs kept busy since this was made: a figure is only as good as this is small.

    A trainer that is forked last is waited for by nobody, and counts as another program.
    """

    def __init__(self) -> None:
        self._begun = (time.perf_counter(), _busy_seconds(), cpu_seconds())

    def cores(self) -> float:
        """Return their mean number; to be asked when all children of this process have been waited for."""
        now = (time.perf_counter(), _busy_seconds(), cpu_seconds())
        wall, busy, own = (new - old for new, old in zip(now, self._begun, strict=True))
        return round(max(0.0, (busy - own) / wall), 2)


def _busy_seconds() -> float:
    """Return the CPU seconds that the machine spent on anything, what its host took from it included."""
    ticks = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, steal = map(int, ticks)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Quiet:
    """A watcher of a batch that says nothing."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Say nothing."""

    def on_line(self, student: str, line: str) -> None:
        """Say nothing."""

    def on_known(self, count: int) -> None:
        """Say nothing."""

    def on_result(self, result: Any) -> None:
        """Say nothing."""

    def on_notice(self, text: str) -> None:
        """Say nothing."""


def report(name: str, **figures: Any) -> None:
    """Print one benchmark's JSON."""
    print(json.dumps({"benchmark": name, "machine": machine(), **figures}, indent=2))
