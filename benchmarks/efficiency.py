"""Wall time of a graded `noisy_labels` run over the same training in one plain, warm Python process.

    python benchmarks/efficiency.py [--runs 5]

Both run the cells of the solution notebook on the same data with the same seed and one thread: graded with papermill,
a forked trainer and the function in its sandbox; plain with `exec` in a process that has imported everything.
They take turns, and the ratio of each pair is reported.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from measure import Quiet, report, spread

from grader.gradebook.run_settings import RunSettings
from grader.grading.batch import Job, run_batch
from grader.grading.engine import LocalEngine
from grader.submissions.collect import Submission
from grader.task.evaluation import Repeat, prepare_repeats
from grader.task.secret import secret_for
from grader.task.spec import Task, load_task

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def plain(task: Task, repeat: Repeat, folder: Path) -> float:
    """Return the wall seconds of the notebook's cells in a fork of this process."""
    import matplotlib.pyplot  # noqa: F401, ICN001, PLC0415 -- what the warm parent has imported, too
    import pandas  # noqa: F401, ICN001, PLC0415
    import sklearn.metrics  # noqa: F401, PLC0415
    import torchvision  # noqa: F401, PLC0415

    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run_cells, args=(task, repeat, folder, sender))
    process.start()
    seconds = receiver.recv()
    process.join()
    return float(seconds)


def _run_cells(task: Task, repeat: Repeat, folder: Path, sender: Connection) -> None:
    os.chdir(folder)
    space: dict[str, Any] = {"display": lambda *_: None}
    begun = time.perf_counter()
    for cell in nbformat.read(task.solution, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        exec(cell.source, space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= {
                "FINAL_EVALUATION_MODE": True,
                "DATA_PATH": str(repeat.inputs),
                "PREDICTIONS_PATH": str(folder / "plain.npz"),
                "SEED": repeat.trainer_seed,
                "DEVICE": "cpu",
            }
    sender.send(time.perf_counter() - begun)


def main() -> None:
    """Alternate plain and graded runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    task = load_task("noisy_labels")
    submission = Submission(path="solution.ipynb", student="s", data=task.solution.read_bytes(), fault=None)
    ratios, graded, bare = [], [], []
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch).resolve()
        repeats = prepare_repeats(
            task, secret_for(folder, None), folder / "evaluation", repeats=1, source="embedded"
        )
        engine = stack.enter_context(LocalEngine(kept=1))
        settings = RunSettings("cpu", 300, "any")
        job = Job(task, [submission], repeats, settings, folder, jobs=1, again=True, engine=engine)
        run_batch(job, Quiet())  # what is started once is not a run's
        for _ in range(runs):
            bare.append(plain(task, repeats[0], folder))
            result = run_batch(job, Quiet())[0]
            assert result.verdict == "scored", result
            graded.append(result.seconds.total)
            ratios.append(graded[-1] / bare[-1])
    report(
        "efficiency",
        graded_seconds=spread(graded),
        plain_seconds=spread(bare),
        graded_over_plain=spread(ratios),
        slot_call_share=round(result.seconds.slot_calls / result.seconds.total, 4),
        targets={"graded_over_plain": "<= 1.05"},
    )


if __name__ == "__main__":
    # One thread, as in every trainer, and set before torch is imported.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    main()
