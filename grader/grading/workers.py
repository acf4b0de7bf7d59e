"""Grade on this machine: a few threads around one warm parent, each with a trainer and a sandbox at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from grader.errors import GraderFault, Verdict
from grader.grading.grade import Bench, grade
from grader.notebooks.reading import source, tagged
from grader.sandbox import open_sandbox
from grader.sandbox.pool import SandboxSupply
from grader.trainer.attribution import OutOfCardMemory
from grader.trainer.fork_server import WarmParent
from grader.trainer.kernel import trainer_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.plan import Order, Watcher
    from grader.submissions.collect import Submission
    from grader.trainer.gpus import Cards

BACK_OFF_SECONDS = (1.0, 4.0)  # before each new attempt after a failure of ours


@contextlib.contextmanager
def open_bench(
    order: Order,
    runs: Path,
    *,
    expected: int,
    ahead: int,
    watcher: Watcher,
    stopping: threading.Event,
) -> Iterator[Bench]:
    """Give what `expected` submissions share, with `ahead` sandboxes started; all of it ends with the context."""
    imports = "\n".join(source(cell) for cell in tagged(order.starter, "slot-imports"))
    supply = SandboxSupply(
        lambda: open_sandbox(order.task.spec.limits, imports=imports, backend=order.settings.backend),
        expected=expected,
    )
    with _warm_parent(order, watcher.on_notice) as warm, contextlib.closing(supply):
        supply.start(ahead)
        yield Bench(
            task=order.task,
            starter=order.starter,
            imports=imports,
            repeats=order.repeats,
            settings=order.settings,
            sandboxes=supply,
            warm=warm,
            runs=runs,
            context=order.context,
            on_progress=watcher.on_progress,
            stopping=stopping,
        )


def grade_here(
    order: Order,
    submissions: Sequence[Submission],
    runs: Path,
    watcher: Watcher,
    *,
    jobs: int,
    cards: Cards | None,
) -> Generator[tuple[int, Result]]:
    """Grade `submissions`, `jobs` at a time, and give each index with its result as soon as it is there.

    Closing the iterator stops what is running at once.
    """
    stopping = threading.Event()
    with (
        open_bench(
            order, runs, expected=len(submissions), ahead=jobs, watcher=watcher, stopping=stopping
        ) as bench,
        ThreadPoolExecutor(jobs, thread_name_prefix="grade") as pool,
    ):
        waiting: dict[Future[Result], int] = {
            pool.submit(grade_with_retries, submission, bench, cards): index
            for index, submission in enumerate(submissions)
        }
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)


def grade_with_retries(submission: Submission, bench: Bench, cards: Cards | None = None) -> Result:
    """Grade one submission; after a failure of ours again, twice, each time after a longer pause.

    Raises GraderFault where the batch is stopped meanwhile.
    """
    for seconds in (0.0, *BACK_OFF_SECONDS):
        if bench.stopping.wait(seconds):
            raise GraderFault("the batch was stopped")
        result = _grade_on(submission, bench, cards)
        if result.verdict is not Verdict.GRADER_ERROR or submission.fault is not None:
            break
    return result


def _grade_on(submission: Submission, bench: Bench, cards: Cards | None) -> Result:
    """Grade with a place on a card; where that is too small, alone on a card."""
    if cards is None:
        return grade(submission, bench)
    with contextlib.suppress(OutOfCardMemory), cards.place() as place:
        return grade(submission, bench, place)
    with cards.place(alone=True) as place:
        return grade(submission, bench, place)


@contextlib.contextmanager
def _warm_parent(order: Order, on_notice: Callable[[str], None]) -> Iterator[WarmParent | None]:
    """Give the warm parent, or None where trainers start cold: because the caller wants it or it cannot be had."""
    warm = None
    if order.warm and hasattr(os, "pidfd_open"):
        warm = WarmParent(trainer_environment(order.settings.device))
        try:
            warm.wait_until_ready()
        except GraderFault as fault:
            on_notice(f"trainers start cold: {fault}")
            warm.close()
            warm = None
    try:
        yield warm
    finally:
        if warm is not None:
            warm.close()
