"""Grade many submissions with a few workers and one writer, so that nothing recorded is ever lost."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import json
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from grader.cells import source, tagged
from grader.errors import GraderFault, UsageError, Verdict
from grader.execute.kernel import trainer_environment
from grader.execute.warm import WarmParent
from grader.grade import Bench, Settings, grade
from grader.rebuild import load_starter
from grader.result import Result, csv_row
from grader.sandbox import open_sandbox
from grader.supply import SandboxSupply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.evaluation import Repeat
    from grader.intake import Submission
    from grader.task import Task

_RECORDED = {field.name for field in fields(Result)}
_ATTEMPTS = 2  # a failure of ours is tried again once before it is reported


class Watcher(Protocol):
    """Who wants to know how a batch is going; called from several threads."""

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Note that a share in [0, 1] of the cells of a repeat has run."""

    def on_result(self, result: Result) -> None:
        """Note that a submission is done and recorded."""

    def on_notice(self, text: str) -> None:
        """Pass on something the caller should know."""


@dataclass(frozen=True)
class Job:
    """What to grade, on which data, and how. `warm` False starts every trainer from nothing."""

    task: Task
    submissions: list[Submission]
    repeats: list[Repeat]
    settings: Settings
    out: Path
    jobs: int
    warm: bool


def run_batch(job: Job, watcher: Watcher) -> list[Result]:
    """Grade every submission of `job` and return the results in the order of the submissions.

    Each result is on disk in `results.jsonl` before the next is waited for. Ctrl-C stops what is running and
    records nothing of it. Raises UsageError where the starter notebook is missing, or the results cannot be written.
    """
    starter = load_starter(job.task)
    imports = "\n".join(source(cell) for cell in tagged(starter, "slot-imports"))
    supply = SandboxSupply(
        lambda: open_sandbox(job.task.spec.limits, imports=imports, backend=job.settings.backend),
        expected=len(job.submissions),
    )
    stopping = threading.Event()
    with only_writer(job.out), _warm_parent(job, watcher) as warm:
        bench = Bench(
            task=job.task,
            starter=starter,
            imports=imports,
            repeats=job.repeats,
            settings=job.settings,
            sandboxes=supply,
            warm=warm,
            runs=job.out / "runs",
            on_progress=watcher.on_progress,
            stopping=stopping,
        )
        try:
            supply.start(job.jobs)
            return _grade_all(job, bench, watcher)
        finally:
            supply.close()


def _grade_all(job: Job, bench: Bench, watcher: Watcher) -> list[Result]:
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(job.jobs, thread_name_prefix="grade") as pool:
        waiting: dict[Future[Result], int] = {
            pool.submit(_grade_with_retry, submission, bench): index
            for index, submission in enumerate(job.submissions)
        }
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    index = waiting.pop(future)
                    results[index] = future.result()
                    append(job.out / "results.jsonl", results[index])
                    watcher.on_result(results[index])
        except BaseException:
            bench.stopping.set()  # running submissions stop at once, and are not recorded
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    write_csv(job.out)
    return [results[index] for index in sorted(results)]


def _grade_with_retry(submission: Submission, bench: Bench) -> Result:
    for attempt in range(_ATTEMPTS):
        if bench.stopping.is_set():
            raise GraderFault("the batch was stopped")
        result = grade(submission, bench)
        if result.verdict is not Verdict.GRADER_ERROR or attempt + 1 == _ATTEMPTS:
            break
    return result


@contextlib.contextmanager
def _warm_parent(job: Job, watcher: Watcher) -> Iterator[WarmParent | None]:
    """Give the warm parent, or None where trainers start cold: because the caller wants it or it cannot be had."""
    warm = None
    if job.warm and hasattr(os, "pidfd_open"):
        warm = WarmParent(trainer_environment(job.settings.device))
        try:
            warm.wait_until_ready()
        except GraderFault as fault:
            watcher.on_notice(f"trainers start cold: {fault}")
            warm.close()
            warm = None
    try:
        yield warm
    finally:
        if warm is not None:
            warm.close()


def append(path: Path, result: Result) -> None:
    """Add one line and force it to the disk: from here on the result survives a crash.

    Raises UsageError where it cannot be written: without a record there is no point in going on.
    """
    line = json.dumps(result.as_json()) + "\n"
    try:
        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                line = "\n" + line  # a crash cut the last line short: it must not take this one with it
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; what was recorded is kept") from error


@contextlib.contextmanager
def only_writer(out: Path) -> Iterator[None]:
    """Hold `out` for this batch.

    Raises UsageError where another grader is at work in it.
    """
    with (out / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"another grader is writing to {out}; wait for it, or choose another --out"
            ) from error
        yield


def read_results(out: Path) -> list[dict[str, Any]]:
    """Return every recorded result of `out`, oldest first; a line that a crash spoilt is left out."""
    path = out / "results.jsonl"
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and set(record) >= _RECORDED:
            found.append(record)
    return found


def write_csv(out: Path) -> None:
    """Write `results.csv` anew in one move: the latest result of each submitted file."""
    key = ("task", "student", "submission", "submission_sha256")
    latest = {tuple(record[name] for name in key): record for record in read_results(out)}
    rows = [csv_row(record) for record in latest.values()]
    draft = out / "results.csv.new"
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    draft.replace(out / "results.csv")
