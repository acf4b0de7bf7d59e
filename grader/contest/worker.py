"""Grade what waits in a contest's queue, in a process of its own: the one that knows secrets and answers.

It may be killed at any moment. What it was grading is given to another worker when its lease is over, and what it had
recorded in the gradebook is not run again.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.contest import queue
from grader.contest.evidence import gather_evidence
from grader.contest.feedback_page import FeedbackPages
from grader.contest.intake import sweep
from grader.contest.privacy import remove_late_run
from grader.contest.replays import asked_replays, record_replay
from grader.contest.spec import read_spec
from grader.errors import GraderFault, StudentFault, UsageError
from grader.gradebook.gradebook import FILE_NAME
from grader.gradebook.result import Result, Seconds
from grader.grading.batch import Job, record_batch, write_csv
from grader.grading.parsed import parse
from grader.submissions.collect import Submission
from grader.task.file_check import check_file, read_expected
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from grader.contest.grading import GradedTask
    from grader.contest.queue import Lease
    from grader.contest.store import Store
    from grader.grading.engine import Engine

POLL_SECONDS = 0.5
_RENEW_SECONDS = queue.LEASE_SECONDS / 6
_PAUSE_SECONDS = 5.0  # after a failure of the machine, such as a full disk


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker works: so many submissions at a time, and who gets its lines."""

    jobs: int
    on_notice: Callable[[str], None]


class ContestWorker:
    """Takes submissions of a contest from its queue and records what comes of grading them on an engine.

    A batch is of one task. Several workers serve several tasks at a time. Tasks that it does not have wait for others.
    """

    def __init__(
        self, store: Store, tasks: Mapping[str, GradedTask], engine: Engine, settings: WorkerSettings
    ) -> None:
        self.id = f"w{secrets.token_hex(4)}"
        self._store, self._tasks, self._engine, self._settings = store, tasks, engine, settings
        self._pages = FeedbackPages(store)
        self._looking = threading.Lock()  # at what has arrived: one thread at a time
        self._stale = {graded.out for graded in tasks.values()}  # whose results.csv may lack results

    def run(self, stop: threading.Event, *, until_idle: bool = False) -> None:
        """Work until `stop` is set, or until nothing waits. Ctrl-C gives back what is running and is raised again.

        A machine that fails, with a full disk for one, is waited for: submissions stay in the queue.
        """
        sweep(self._store)
        renewing = self._repeating(lambda: self._renew(stop), _RENEW_SECONDS)
        # Also while a batch is graded, which takes as long as its slowest submission.
        answering = self._repeating(lambda: None if stop.is_set() else self._triage(), POLL_SECONDS)
        with renewing, answering:
            try:
                self._work(stop, until_idle=until_idle)
            except KeyboardInterrupt:
                self._give_back()
                with contextlib.suppress(UsageError):
                    self._write_tables()
                raise

    def _work(self, stop: threading.Event, *, until_idle: bool) -> None:
        while not stop.is_set():
            try:
                worked = self.step()
                if not worked:
                    self._write_tables()
            except (GraderFault, UsageError) as problem:
                self._recover(stop, str(problem))
                continue
            if not worked and until_idle:
                return
            if not worked:
                stop.wait(POLL_SECONDS)

    def step(self) -> bool:
        """Answer what cannot start, and grade one batch; return whether there was any."""
        with self._store.reading() as transaction:
            if not queue.has_work(transaction):
                return False
        answered = self._triage()
        with self._store.writing() as transaction:
            queue.expire(transaction)
            leases = queue.take(transaction, self.id, tasks=self._tasks, most=self._settings.jobs)
        if leases:
            self._grade(leases)
        return bool(answered or leases or self._replay())

    def _write_tables(self) -> None:
        """Write each `results.csv` anew that lacks results: not after each batch, for there may be thousands in a rush.

        Raises UsageError where one cannot be written.
        """
        for out in sorted(self._stale):
            if (out / FILE_NAME).is_file():  # there is none before the first grading
                write_csv(out)
            self._stale.discard(out)

    def _triage(self) -> int:
        """Answer at once what cannot start, put the rest into the queue; return how many there were."""
        with self._looking:
            with self._store.reading() as transaction:
                arrived = [lease for lease in queue.received(transaction) if lease.task in self._tasks]
            for lease in arrived:
                fault = self._fault(lease)
                with self._store.writing() as transaction:
                    if fault is None:
                        queue.admit(transaction, lease.number)
                    else:
                        queue.answer(transaction, lease.number, self._unstarted(lease, fault))
            return len(arrived)

    def _fault(self, lease: Lease) -> StudentFault | None:
        """Return why a submission cannot start: it is no notebook, lacks its slot, does not compile, or its rows are wrong."""
        graded = self._tasks[lease.task]
        parsed = parse(self._submission(lease), graded.starter)
        if isinstance(parsed.fault, StudentFault):
            return parsed.fault
        if parsed.fault:
            return None
        if graded.task.spec.files is None:
            return syntax_fault(parsed.slot, graded.starter)
        try:
            check_file(parsed.data(), graded.task.spec.files, read_expected(graded.repeats[0].answers))
        except StudentFault as fault:
            return fault
        except GraderFault:
            return None  # grading says what it is
        return None

    def _unstarted(self, lease: Lease, fault: StudentFault) -> Result:
        task = self._tasks[lease.task].task
        return Result(
            submission=lease.file, task=task.id, task_version=task.version, student=lease.team, submission_sha256="",
            slot_sha256="", verdict=fault.verdict, message=fault.message, points=0, metrics=None, seconds=Seconds(),
            slot_calls=0, penalties=[], changed_cells=[], device="none", run_folder="", traceback=fault.traceback,
        )  # fmt: skip

    def _grade(self, leases: Sequence[Lease]) -> None:
        """Grade submissions of one task, and record each result as soon as it is there."""
        graded = self._tasks[leases[0].task]
        submissions = [self._submission(lease) for lease in leases]
        by_path = {submission.path: lease for submission, lease in zip(submissions, leases, strict=True)}
        watcher = _Recorder(
            self._store, by_path, graded, pages=self._pages, on_notice=self._settings.on_notice
        )
        job = Job(
            graded.task,
            submissions,
            graded.repeats,
            graded.settings,
            graded.out,
            len(leases),
            engine=self._engine,
        )
        self._stale.add(graded.out)
        results = record_batch(job, watcher)
        for lease, result in zip(leases, results, strict=True):
            watcher.record(lease, result)  # also what needed no run

    def _replay(self) -> bool:
        """Run the first submission once more for which somebody asked, when nothing else waits; return whether there was one."""
        with self._store.reading() as transaction:
            asked = [(number, task) for number, task in asked_replays(transaction) if task in self._tasks]
        if not asked:
            return False
        number, task = asked[0]
        graded = self._tasks[task]
        evidence = gather_evidence(
            self._store, number, graded, engine=self._engine, on_notice=self._settings.on_notice
        )
        board = read_spec(self._store.spec_file).leaderboard
        with self._store.writing() as transaction:
            if (number, task) in asked_replays(transaction):  # no other worker was faster
                record_replay(transaction, number, evidence, board=board)
        remove_late_run(self._store, number)
        self._settings.on_notice(
            f"submission {number} of {graded.task.id}: replayed, {'the same' if evidence.is_same else 'not the same'}"
        )
        return True

    def _submission(self, lease: Lease) -> Submission:
        path = self._store.files / lease.file
        return Submission(str(path), lease.team, path, submitted=lease.received)

    def _give_back(self) -> None:
        with self._store.writing() as transaction:
            queue.give_back(transaction, self.id)

    def _recover(self, stop: threading.Event, problem: str) -> None:
        """Wait, and put back what is lent to this worker: it is alive, so its leases would last although nothing runs."""
        while True:
            self._settings.on_notice(f"{problem}; trying again in {_PAUSE_SECONDS:g} s")
            stopped = stop.wait(_PAUSE_SECONDS)
            try:
                self._give_back()
            except GraderFault as fault:  # the disk is still full
                problem = str(fault)
                if not stopped:
                    continue
            return

    @contextlib.contextmanager
    def _repeating(self, work: Callable[[], object], seconds: float) -> Iterator[None]:
        """Do `work` now, and every so many seconds as long as the context lasts, whatever the main thread waits for."""
        self._try(work)
        ended = threading.Event()
        thread = threading.Thread(target=self._repeat, args=(work, seconds, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _repeat(self, work: Callable[[], object], seconds: float, ended: threading.Event) -> None:
        pause = seconds
        while not ended.wait(pause):
            pause = seconds if self._try(work) else max(seconds, _PAUSE_SECONDS)

    def _try(self, work: Callable[[], object]) -> bool:
        """Do `work`; return whether the machine did not fail meanwhile, which is noted."""
        try:
            work()
        except (GraderFault, UsageError) as fault:
            self._settings.on_notice(str(fault))
            return False
        return True

    def _renew(self, stop: threading.Event) -> None:
        with self._store.writing() as transaction:
            queue.renew(transaction, self.id, 0 if stop.is_set() else self._settings.jobs)


class _Recorder:
    """Records each result of a batch in the contest, as soon as the gradebook has it."""

    def __init__(
        self,
        store: Store,
        leases: Mapping[str, Lease],
        graded: GradedTask,
        *,
        pages: FeedbackPages,
        on_notice: Callable[[str], None],
    ) -> None:
        self._store, self._leases, self._graded, self._on_notice = store, leases, graded, on_notice
        self._pages = pages
        self._spec = read_spec(store.spec_file)

    def record(self, lease: Lease, result: Result) -> None:
        """Record a result; one that is recorded already, or whose lease is over, stays as it is."""
        with self._store.writing() as transaction:
            recorded = queue.record_result(transaction, lease, result)
        if not recorded:
            remove_late_run(self._store, lease.number)
        else:
            try:
                self._pages.write(self._spec, lease, result=result, graded=self._graded)
            except (GraderFault, StudentFault, UsageError) as error:  # the verdict stands
                self._on_notice(f"no page of feedback for submission {lease.number}: {error}")
            self._on_notice(f"submission {lease.number} of {lease.task}: {result.verdict}")

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Nobody watches cells."""

    def on_line(self, student: str, line: str) -> None:
        """Nobody watches what programs print."""

    def on_known(self, count: int) -> None:
        """Known results are recorded when the batch is over."""

    def on_result(self, result: Result) -> None:
        """Record what came of a submission."""
        if lease := self._leases.get(result.submission):
            self.record(lease, result)

    def on_notice(self, text: str) -> None:
        """Pass on what the engine notes."""
        self._on_notice(text)
