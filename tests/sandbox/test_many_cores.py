"""On a machine with more cores than a slot may have threads, what counts cores gets as many as fit."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, os, sys, types
torch = types.ModuleType("torch")
sizes = []
torch.get_num_interop_threads = lambda: 64
def set_num_interop_threads(count):
    if sizes:
        raise RuntimeError("cannot set number of interop threads after it was set")
    sizes.append(count)
torch.set_num_interop_threads = set_num_interop_threads
torch.manual_seed = torch.set_num_threads = lambda number: None
sys.modules["torch"] = torch
os.cpu_count = lambda: 64
os.environ["TMPDIR"] = "/tmp"
os.sched_getaffinity = lambda process: set(range(64))

from grader.sandbox.inside import libraries

libraries.adjust(16, 8, 7)
torch.set_num_interop_threads(64)
import concurrent.futures, multiprocessing
methods = [multiprocessing.get_context(name).get_start_method() for name in ("forkserver", "spawn", None)]
with concurrent.futures.ThreadPoolExecutor() as pool:
    workers = pool._max_workers
print(json.dumps([
    os.cpu_count(), len(os.sched_getaffinity(0)), multiprocessing.cpu_count(), workers, sizes,
    libraries.environment(16)["OMP_THREAD_LIMIT"], methods,
]))
"""


def test_a_slot_counts_as_many_cores_as_it_may_have_threads() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    cores, usable, processes, workers, between, openmp, methods = json.loads(done.stdout)
    assert (cores, usable, processes, openmp) == (8, 8, 8, "8")
    assert workers <= 16
    assert methods == ["fork", "spawn", "fork"], "a fork server needs sockets"
    assert between == [8], "the pool would be as large as the machine"
