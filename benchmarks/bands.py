"""Grade a task's starter, tricks, reference and stronger ideas over fresh seeds, and record the bands.

    python benchmarks/bands.py noisy_labels --seeds 8

Each strategy is graded like any submission, on the same seeds. A second line `# with: NAME, NAME` puts the files
`strategies/parts/NAME.py` before it. `tasks/TASK/bands.json` receives, for each, the balanced
accuracy of single runs (mean, SD, every seed), the points of the mean, the points that groups of the task's `repeats`
runs would get, and the wall seconds of a run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Quiet, machine

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.notebooks.rebuild import rebuild
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.scoring import points
from grader.task.spec import Task, load_task
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from grader.gradebook.result import Result

ROLES = ("trick", "idea", "stronger")


def strategies(task: Task) -> dict[str, tuple[str, bytes]]:
    """Return role and notebook of every strategy by its name."""
    starter = load_starter(task)
    found = {
        "starter": ("starter", task.starter.read_bytes()),
        "reference": ("reference", task.solution.read_bytes()),
    }
    for path in sorted((task.folder / "strategies").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        role = text.removeprefix("# ").partition(":")[0]
        if role not in ROLES:
            raise SystemExit(f"{path} must begin with '# trick: ...', '# idea: ...' or '# stronger: ...'")
        found[path.stem] = (
            role,
            json.dumps(rebuild(starter, _with_parts(text, path.parent / "parts"))).encode(),
        )
    return found


def _with_parts(text: str, folder: Path) -> str:
    head, _, names = text.split("\n", 2)[1].partition("# with: ")
    parts = [] if head else [f"{name.strip()}.py" for name in names.split(",") if name]
    return "\n\n".join([*((folder / name).read_text(encoding="utf-8") for name in parts), text])


def band(task: Task, role: str, result: Result) -> dict[str, Any]:
    """Return what is recorded of one strategy."""
    if result.metrics is None:
        raise SystemExit(f"{result.student}: {result.verdict}: {result.message}")
    values = result.metrics.per_repeat
    size = task.spec.repeats
    groups = [values[start : start + size] for start in range(0, len(values) - size + 1, size)]
    return {
        "role": role,
        "balanced_accuracy": {
            "mean": round(statistics.fmean(values), 4),
            "sd": round(statistics.stdev(values), 4),
            "per_seed": [round(value, 4) for value in values],
        },
        "points": points(statistics.fmean(values), task.spec.score),
        "points_of_groups": [points(statistics.fmean(group), task.spec.score) for group in groups],
        "seconds_per_seed": round(result.seconds.total / len(values), 1),
    }


def main() -> None:
    """Measure and write `bands.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--secret", default="the seeds of the recorded bands", help="at least 16 characters")
    given = parser.parse_args()
    task = load_task(given.task)
    chosen = strategies(task)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = resolve_source(task.spec.data.source, task.folder)
        repeats = prepare_repeats(
            task, given.secret.encode(), folder / "evaluation", repeats=given.seeds, source=source
        )
        submissions = [Submission(path=name, student=name, data=data) for name, (_, data) in chosen.items()]
        settings = RunSettings("auto", task.spec.limits.wall_seconds, "bubblewrap")
        job = Job(task, submissions, repeats, settings, folder, given.jobs)
        results = run_batch(job, Quiet())
    found = {result.student: band(task, chosen[result.student][0], result) for result in results}
    record = {
        "task_version": task.version,
        "seeds": given.seeds,
        "secret": given.secret,
        "device": results[0].device,
        "machine": machine(),
        "strategies": found,
    }
    (task.folder / "bands.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
