"""Submissions per minute on one Ray node and on two, of one core each, all on this machine.

    python benchmarks/ray_scaling.py [--task noisy_labels] [--submissions 8] [--repeats 1]

Each node is bound to a core of its own, so that one node cannot borrow the other's; the driver and Ray's head may run
anywhere, and take what they need from both: a machine that does anything else gives no figure. The submissions are distinct programs that train for as long as the
solution. Efficiency is the throughput of two nodes over twice that of one, from the moment when all workers are open;
`whole_batch` counts their start as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Quiet, report
from ray.cluster_utils import Cluster as Nodes

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.ray.engine import Cluster
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.spec import Task, load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE_BYTES = 200 << 20


@contextlib.contextmanager
def cluster(cores: list[int]) -> Iterator[str]:
    """Give the address of a cluster with one node for each of `cores`, beside a head that grades nothing."""
    everywhere = os.sched_getaffinity(0)
    args = {"object_store_memory": STORE_BYTES, "include_dashboard": False}
    nodes = Nodes(initialize_head=True, head_node_args=args | {"num_cpus": 0})
    try:
        for core in cores:
            os.sched_setaffinity(0, {core})  # what is started now inherits it
            nodes.add_node(num_cpus=1, **args)
            os.sched_setaffinity(0, everywhere)
        yield nodes.address
    finally:
        os.sched_setaffinity(0, everywhere)
        nodes.shutdown()


def distinct(task: Task, count: int) -> list[Submission]:
    """Return the task's solution `count` times, each time another program."""
    starter = load_starter(task)
    slot = find_slot(read_notebook(task.solution.read_bytes()), starter)
    return [
        Submission(f"s{n}.ipynb", f"s{n}", json.dumps(rebuild(starter, f"{slot}\n_variant = {n}\n")).encode())
        for n in range(count)
    ]


class Clock(Quiet):
    """Notes when all workers were open, and when the last result was there."""

    def __init__(self) -> None:
        self.begun = self.opened = self.ended = time.perf_counter()
        self.notices: list[str] = []

    def on_notice(self, text: str) -> None:
        """Note the time: the only notice of a sound cluster is that its workers are there."""
        self.notices.append(text)
        self.opened = time.perf_counter()

    def on_result(self, result: Any) -> None:
        """Note the time of a result, which must be a score."""
        assert result.verdict == "scored", result
        self.ended = time.perf_counter()


def measure(job: Job, cores: list[int], folder: Path) -> dict[str, Any]:
    """Grade the batch on one node for each of `cores`."""
    folder.mkdir()
    load, clock = os.getloadavg()[0], Clock()
    with cluster(cores) as address:
        engine = Cluster(address, per_gpu=1, shared=None)
        run_batch(Job(**{**vars(job), "out": folder, "engine": engine}), clock)
    count = len(job.submissions)
    return {
        "workers": clock.notices,
        "load_before": round(load, 2),
        "seconds": round(clock.ended - clock.opened, 2),
        "per_minute": round(60 * count / (clock.ended - clock.opened), 3),
        "start_seconds": round(clock.opened - clock.begun, 2),
        "whole_batch_per_minute": round(60 * count / (clock.ended - clock.begun), 3),
    }


def main() -> None:
    """Measure one node and two in one call."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="noisy_labels")
    parser.add_argument("--submissions", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=1)
    told = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    assert len(cores) == 2, "two cores are needed"
    task = load_task(told.task)
    # Short paths: those of Ray's sockets may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as scratch:
        warnings.simplefilter("ignore")  # Ray's, about itself
        os.environ |= {
            "TMPDIR": scratch,
            "RAY_worker_niceness": "0",
        }  # Ray's 15 would measure who else is there
        folder = Path(scratch)
        repeats = prepare_repeats(
            task, b"a secret for benchmarks", folder / "evaluation", repeats=told.repeats, source="embedded"
        )
        settings = RunSettings("cpu", 600, "any")
        job = Job(task, distinct(task, told.submissions), repeats, settings, folder, jobs=1)
        one = measure(job, cores[:1], folder / "one")
        two = measure(job, cores, folder / "two")
    report(
        "ray_scaling",
        task=told.task,
        submissions=told.submissions,
        repeats=told.repeats,
        one_node=one,
        two_nodes=two,
        efficiency=round(two["per_minute"] / (2 * one["per_minute"]), 3),
        efficiency_whole_batch=round(two["whole_batch_per_minute"] / (2 * one["whole_batch_per_minute"]), 3),
        targets={"efficiency": ">= 0.85"},
    )


if __name__ == "__main__":
    main()
