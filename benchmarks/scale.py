"""Seconds per submission and memory of the grader as a batch grows, and the seconds to call a finished batch again.

    python benchmarks/scale.py [--submissions 1000] [--jobs 2]

The toy task of the tests trains for a moment, so that what is the grader's own shows; every submission is another program.
A window at N results holds the second half of them: seconds per submission are the wall time from result N/2 to result N
over their number; `rss_mb`, open files and threads are those of this process at result N, `load` is the machine's then.
`slope` is that of a line through the times of all results after the first ten. The second call of the same batch finds
every result recorded and runs nothing; it is timed in the same process. `others` is the number of cores that other
programs kept busy meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Neighbours, Quiet, cpu_seconds, report, toy_task, variant

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats
from grader.task.secret import secret_for

WINDOWS = (10, 100, 1000)
FLAT = 1.15
RESUME_SECONDS = 5.0


@dataclass(frozen=True)
class Moment:
    """What was seen when a result was recorded."""

    seconds: float
    rss_mb: float
    files: int
    threads: int
    load: float


class Recorder(Quiet):
    """Looks at this process whenever a result is recorded."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.moments: list[Moment] = []
        self.known = 0

    def on_known(self, count: int) -> None:
        """Note how many results were found recorded."""
        self.known = count

    def on_result(self, result: Any) -> None:
        """Note the time and what this process holds."""
        assert result.verdict == "scored", result
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        )
        self.moments.append(
            Moment(
                seconds=time.perf_counter() - self.begun,
                rss_mb=int(status["VmRSS"].split()[0]) / 1024,
                files=len(list(Path("/proc/self/fd").iterdir())),
                threads=int(status["Threads"]),
                load=os.getloadavg()[0],
            )
        )


def window(moments: list[Moment], size: int) -> dict[str, Any]:
    """Return the figures of the second half of the first `size` results."""
    half, last = moments[size // 2 - 1], moments[size - 1]
    return {
        "results": size,
        "seconds_per_submission": round((last.seconds - half.seconds) / (size - size // 2), 4),
        "rss_mb": round(last.rss_mb, 1),
        "files": last.files,
        "threads": last.threads,
        "load": round(last.load, 2),
    }


def slope(moments: list[Moment]) -> float:
    """Return by how many seconds a submission gets slower with each 1,000 results before it."""
    gaps = [later.seconds - earlier.seconds for earlier, later in itertools.pairwise(moments[9:])]
    if len(gaps) < 2:
        return 0.0
    return round(1000 * statistics.linear_regression(range(len(gaps)), gaps).slope, 4)


def ratio(windows: list[dict[str, Any]], name: str) -> float:
    """Return the largest of a figure over the smallest."""
    values = [float(one[name]) for one in windows]
    return round(max(values) / min(values), 3)


def main() -> None:
    """Grade the batch, and call it again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        task = toy_task(folder)
        repeats = prepare_repeats(
            task, secret_for(folder, None), folder / "evaluation", repeats=1, source="embedded"
        )
        submissions = [Submission(f"s{n}.ipynb", f"s{n}", variant(task, n)) for n in range(told.submissions)]
        settings = RunSettings("cpu", task.spec.limits.wall_seconds, "any")
        job = Job(task, submissions, repeats, settings, folder, told.jobs)
        neighbours, cpu, first = Neighbours(), cpu_seconds(), Recorder()
        run_batch(job, first)
        seconds, cpu, others = time.perf_counter() - first.begun, cpu_seconds() - cpu, neighbours.cores()
        again = Recorder()
        run_batch(job, again)
        resume = time.perf_counter() - again.begun
        kept = sum(path.stat().st_size for path in (folder / "runs").rglob("*") if path.is_file())
        book = (folder / "gradebook.sqlite").stat().st_size
    assert again.known == told.submissions, again.known
    sizes = sorted({size for size in WINDOWS if size < told.submissions} | {told.submissions})
    windows = [window(first.moments, size) for size in sizes]
    figures = {
        "seconds_largest_over_smallest": ratio(windows, "seconds_per_submission"),
        "rss_largest_over_smallest": ratio(windows, "rss_mb"),
        "resume_seconds": round(resume, 3),
    }
    targets = dict(zip(figures, (FLAT, FLAT, RESUME_SECONDS), strict=True))
    report(
        "scale",
        submissions=told.submissions,
        jobs=told.jobs,
        seconds=round(seconds, 1),
        cpu_seconds_per_submission=round(cpu / told.submissions, 3),
        first_result_after=round(first.moments[0].seconds, 3),
        windows=windows,
        slope_seconds_per_1000=slope(first.moments),
        **figures,
        kept_mb={"runs": round(kept / 2**20, 1), "gradebook": round(book / 2**20, 1)},
        others=others,
        targets={name: f"<= {most}" for name, most in targets.items()},
        missed=[name for name, most in targets.items() if figures[name] > most],
    )


if __name__ == "__main__":
    main()
