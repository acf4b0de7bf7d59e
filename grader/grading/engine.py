"""Grade on this machine: a few threads around one fork server, each with a trainer and a sandbox at a time."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from grader.errors import GraderFault, Verdict
from grader.grading.grade import HELD, RunningBatch, grade
from grader.grading.occupancy import Occupancy
from grader.grading.parsed import parse
from grader.grading.program_cards import refuse_gpu
from grader.sandbox.pool import SandboxPool
from grader.sandbox.proof import required_walls
from grader.trainer.attribution import OutOfCardMemory, Overrun
from grader.trainer.fork_server import ForkServer, TrainerSource
from grader.trainer.kernel import trainer_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from grader.gradebook.result import Result
    from grader.grading.occupancy import Company
    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.grading.program_cards import ProgramCards
    from grader.sandbox.pool import SandboxSource
    from grader.trainer.gpus import Cards

BACK_OFF_SECONDS = (1.0, 4.0)  # before each new attempt after a failure of ours


class Engine(Protocol):
    """Something that grades submissions and gives each index with its result, in any order."""

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        """Start; closing the iterator stops what is running."""

    def close(self) -> None:
        """End what the engine keeps between batches. Idempotent."""


class LocalEngine:
    """Grades submissions on this machine: fork servers of trainers and of sandboxes.

    All of it starts when the first submission needs it, and may outlive a batch; batches may be of different tasks, and
    run at once. With `cards`, trainers are packed on these GPUs; `programs` are those that students' programs get, where a task
    gives them one. The `kept` last fork servers of sandboxes
    stay ready between batches. Close it.
    """

    def __init__(
        self, cards: Cards | None = None, *, programs: ProgramCards | None = None, kept: int = 0
    ) -> None:
        self._cards = cards
        self._programs = programs
        self._occupancy = Occupancy()
        self._sandboxes = SandboxPool(kept, required_walls)
        self._servers: list[ForkServer] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(
        self, context: RunContext, submissions: Sequence[ParsedSubmission], runs: Path, watcher: Watcher
    ) -> Generator[tuple[int, Result]]:
        """Grade `submissions`, `context.jobs` at a time, and give each index with its result as soon as it is there.

        Closing the iterator stops what is running at once; the engine stays fit for other batches.
        """
        stopping = threading.Event()
        with (
            self.open_batch(context, runs, watcher=watcher, stopping=stopping) as batch,
            ThreadPoolExecutor(context.jobs, thread_name_prefix="grade") as pool,
        ):
            waiting: dict[Future[Result], int] = {
                pool.submit(grade_with_retries, submission, batch, self._cards): index
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

    @contextlib.contextmanager
    def open_batch(
        self, context: RunContext, runs: Path, *, watcher: Watcher, stopping: threading.Event
    ) -> Iterator[RunningBatch]:
        """Yield what submissions share; nothing is started yet.

        Raises UsageError where the task gives programs a GPU, and this engine has none for them.
        """
        limits, mounts = context.task.spec.limits, context.mounts
        if limits.gpu:
            refuse_gpu(context.task, allowed=self._programs is not None)
            # Of the GPUs of this machine, the trainer of such a task uses none: each is a student's alone.
            context = replace(context, settings=replace(context.settings, device="cpu"))
        settings = context.settings
        server = None if settings.cold else self._fork_server(settings.device, context.trainer_modules)
        trainers = TrainerSource(server, watcher.on_notice, stopping)
        imports = context.imports or "import numpy"  # and torch with it, which a slot may want all the same
        source = functools.partial(self._sandboxes.source, imports, limits, settings.walls, mounts=mounts)

        @contextlib.contextmanager
        def on_card(programs: ProgramCards) -> Iterator[tuple[SandboxSource, Callable[[], None]]]:
            with programs.lend(stopping) as (card, clear), source(card=card) as sandboxes:
                yield sandboxes, clear

        alone = functools.partial(on_card, self._programs) if limits.gpu and self._programs else None
        with source() as sandboxes:
            yield RunningBatch(context, sandboxes, trainers, runs, watcher, stopping, self._occupancy, alone)

    def _fork_server(self, device: str, modules: frozenset[str]) -> ForkServer | None:
        """Return a fork server that has imported `modules`, in the environment of trainers now; None where this system has none."""
        if not hasattr(os, "pidfd_open"):
            return None
        environment = trainer_environment(device)
        with self._lock:
            if self._closed:
                raise GraderFault("the engine is closed")
            for server in self._servers:
                if server.serves(environment, modules):
                    return server
            self._servers.append(ForkServer(environment, modules))
            return self._servers[-1]

    def close(self) -> None:
        """End every process of the engine. Idempotent; batches that still run fail."""
        with self._lock:
            self._closed = True
        with contextlib.ExitStack() as stack:
            stack.callback(self._sandboxes.close)
            for server in self._servers:
                stack.callback(server.close)


@contextlib.contextmanager
def opened(engine: Engine | None) -> Iterator[Engine]:
    """Yield `engine`, which its owner closes, or else one of this machine that ends with the context."""
    if engine is not None:
        yield engine
    else:
        with LocalEngine() as local:
            yield local


def grade_with_retries(
    submission: ParsedSubmission, batch: RunningBatch, cards: Cards | None = None
) -> Result:
    """Grade one submission; after a failure of ours again, twice, each time after a longer pause.

    A run that overran beside others is repeated once, alone on this machine: what comes of that is final.
    Raises GraderFault where the batch is stopped meanwhile.
    """
    for seconds in (0.0, *BACK_OFF_SECONDS):
        if batch.stopping.wait(seconds):
            raise GraderFault("the batch was stopped")
        if submission.may_be_read_again:
            submission = parse(submission.submission, batch.context.starter)
        try:
            with batch.occupancy.beside_others(batch.stopping) as company:
                result = _grade_on(submission, batch, cards, company)
        except Overrun:
            batch.watcher.on_notice(
                f"{submission.student}: time ran out beside other submissions; graded once more, alone"
            )
            with batch.occupancy.alone(batch.stopping) as company:
                return _grade_on(submission, batch, cards, company)
        if result.verdict is not Verdict.GRADER_ERROR or submission.submission.fault is not None:
            break
        if result.message.startswith(HELD):
            break
    return result


def _grade_on(
    submission: ParsedSubmission, batch: RunningBatch, cards: Cards | None, company: Company
) -> Result:
    """Grade with a place on a GPU; where that is too small, alone on one."""
    if cards is None or batch.on_card:  # a program's GPU is no place for its trainer
        return grade(submission, batch, company=company)
    with contextlib.suppress(OutOfCardMemory), cards.place() as place:
        return grade(submission, batch, place, company=company)
    with cards.place(alone=True) as place:
        return grade(submission, batch, place, company=company)
