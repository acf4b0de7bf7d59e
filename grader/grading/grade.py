"""Grade one submission: read -> rebuild -> execute -> score -> Result. The story of the product on one page.

A file of predictions takes a shorter way: read -> check -> score -> Result. Nothing of it runs.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from grader.errors import GraderFault, ScorerFault, StudentFault, Verdict, explanation_of
from grader.gradebook.result import Metrics, Result, Seconds
from grader.gradebook.run_folder import RepeatFolder, RunFolder
from grader.grading.environment import versions
from grader.grading.file_predictions import keep_predictions
from grader.grading.occupancy import NOBODY, Company, Occupancy
from grader.grading.slot_sources import slot_sources
from grader.notebooks.rebuild import rebuild
from grader.notebooks.refused import refusal_hint
from grader.notebooks.versions import version_hint
from grader.task.scoring import measure_all, points
from grader.trainer.attribution import OutOfCardMemory, Overrun
from grader.trainer.first_call import explained, first_call, keep_first_call, try_first_call
from grader.trainer.gpus import ANYWHERE, Place
from grader.trainer.job import RepeatJob, boundary_of
from grader.trainer.run import Execution, execute
from grader.trainer.stages import open_program
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from grader.grading.parsed import ParsedSubmission
    from grader.grading.plan import RunContext, Watcher
    from grader.notebooks.reading import Json
    from grader.sandbox import Sandbox, SlotSource
    from grader.sandbox.pool import SandboxSource
    from grader.task.evaluation import Repeat
    from grader.task.scoring import RepeatScore
    from grader.task.spec import Task
    from grader.trainer.fork_server import TrainerSource

HELD = "held for the organiser, score.py failed twice"  # such a failure is not tried again
CORE_SHARE = 0.9  # of the clock; the rest is the trainer's before the first call
_NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")


@dataclass(frozen=True)
class RunningBatch:
    """A batch at work on an engine: its context, what its submissions share, and where their run folders are made.

    Where the task gives programs a GPU, `on_card` yields what one submission gets instead of `sandboxes`, and what clears its
    GPU before each repeat.
    """

    context: RunContext
    sandboxes: SandboxSource
    trainers: TrainerSource
    runs: Path
    watcher: Watcher
    stopping: threading.Event
    occupancy: Occupancy
    on_card: Callable[[], AbstractContextManager[tuple[SandboxSource, Callable[[], None]]]] | None = None


@dataclass(frozen=True)
class _End:
    """How the grading of a submission ended."""

    verdict: Verdict
    message: str
    points: int | None
    traceback: str = ""


@dataclass
class _Account:
    """What is known of a submission's run so far; a Result is made of it however the grading ends."""

    submission: ParsedSubmission
    context: RunContext
    begun: float
    executions: list[Execution] = field(default_factory=list)
    scores: list[RepeatScore] = field(default_factory=list)

    def result(self, end: _End, folder: Path) -> Result:
        """Return the result of a run that ended so, its files being in `folder`."""
        submission, executions = self.submission, self.executions
        return Result(
            submission=submission.submission.path,
            task=self.context.task.id,
            task_version=self.context.task.version,
            student=submission.student,
            submission_sha256=submission.sha256,
            slot_sha256=submission.slot_sha256,
            slot_key=submission.slot_key,
            verdict=end.verdict,
            message=end.message,
            points=end.points,
            metrics=self.metrics() if end.verdict is Verdict.SCORED else None,
            seconds=_seconds(time.monotonic() - self.begun, executions),
            slot_calls=sum(execution.slot_calls for execution in executions),
            memory_mb=[execution.memory_mb for execution in executions],
            penalties=_penalties(executions),
            changed_cells=submission.changed_cells,
            device=executions[-1].device if executions else "none",
            run_folder=str(folder),
            traceback=end.traceback,
            versions=versions(),
        )

    def metrics(self) -> Metrics:
        """Return what was measured in all repeats."""
        values, measured = [score.value for score in self.scores], [score.measured for score in self.scores]
        return Metrics.of(self.context.task.metric, values, measured)


def grade(
    submission: ParsedSubmission, batch: RunningBatch, place: Place = ANYWHERE, *, company: Company = NOBODY
) -> Result:
    """Grade one submission; every way it can end is a verdict in the Result, and a bug of ours is `grader_error`.

    Raises OutOfCardMemory where the share of a GPU was too small, Overrun where a run overran that had `company`, and
    nothing else.
    """
    account = _Account(submission, batch.context, time.monotonic())
    try:
        folder = RunFolder.create(batch.runs, submission.student)
    except OSError as error:
        end = _End(Verdict.GRADER_ERROR, f"no run folder can be made: {error.strerror}", None)
        return account.result(end, batch.runs)
    try:
        _grade(account, batch, folder, place)
        earned = points(account.metrics().value, batch.context.task.spec.score)
        end = _End(Verdict.SCORED, _scored_sentence(account), earned)
    except StudentFault as fault:
        if (
            fault.verdict is Verdict.TIME_LIMIT
            and company.was_shared()
            and not had_a_core(account.executions)
        ):
            raise Overrun(fault.message) from fault
        end = _End(fault.verdict, fault.message, 0, fault.traceback)
    except GraderFault as fault:
        if not batch.stopping.is_set():
            folder.write_traceback()
        if _may_go_well(fault, place, company):
            raise
        end = _End(Verdict.GRADER_ERROR, str(fault), None)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is ours, and the batch goes on
        end = _End(Verdict.GRADER_ERROR, f"{type(error).__name__}: {error}", None)
        folder.write_traceback()
    result = account.result(end, folder.path)
    if batch.stopping.is_set() and result.verdict is Verdict.GRADER_ERROR:
        return result  # nobody records it, and the folder must not look as if somebody had
    try:
        folder.write_result(result)
        folder.flush()
    except OSError as error:
        end = _End(Verdict.GRADER_ERROR, f"the run folder cannot be written: {error.strerror}", None)
        return account.result(end, folder.path)
    return result


def had_a_core(executions: list[Execution]) -> bool:
    """Return whether the last run's clock went by while the slot computed on a core that nobody took from it.

    So it is with endless loops. Alone it would get the same: a sandbox has one core, and its trainer waits meanwhile.
    """
    if not executions:
        return False
    last = executions[-1]
    return min(last.slot_seconds, last.slot_cpu_seconds) >= CORE_SHARE * last.cell_seconds


def _may_go_well(fault: GraderFault, place: Place, company: Company) -> bool:
    """Return whether a whole GPU, or a machine without other runs, may be all that was missing."""
    if isinstance(fault, OutOfCardMemory):
        return bool(place.share)
    return isinstance(fault, Overrun) and company.was_shared()


def _grade(account: _Account, batch: RunningBatch, folder: RunFolder, place: Place) -> None:
    """Fill `account`, repeat by repeat.

    Raises StudentFault or GraderFault, whichever side failed.
    """
    submission, context = account.submission, batch.context
    if submission.sha256:
        submission.keep(folder)
    if submission.fault is not None:
        raise submission.fault
    if context.task.spec.files is not None:
        for repeat in context.repeats:
            keep_predictions(submission.data(), context.task.spec.files, repeat, folder.repeat(repeat.number))
    else:
        _execute(account, batch, folder, place)
    # when all predictions are there, so that they can be measured again
    files = [(folder.repeat(repeat.number).predictions, repeat.answers) for repeat in context.repeats]
    account.scores += _measure_twice(files, context.task)


def _execute(account: _Account, batch: RunningBatch, folder: RunFolder, place: Place) -> None:
    """Run every repeat of a notebook. Raises as `_grade` does."""
    submission, context = account.submission, batch.context
    rebuilt = rebuild(context.starter, submission.slot)
    _refuse_syntax_error(submission, rebuilt, folder.repeat(context.repeats[0].number))
    with contextlib.ExitStack() as opened:
        sandboxes, clear_card = batch.sandboxes, _nothing_to_clear
        if batch.on_card:
            sandboxes, clear_card = opened.enter_context(batch.on_card())
        sandboxes.start()  # its imports run beside those of the trainers
        server = batch.trainers.fork_server()
        sandbox = opened.enter_context(contextlib.closing(sandboxes.open(context.task.spec.limits)))
        for repeat in context.repeats:
            job = RepeatJob(
                task=context.task,
                repeat=repeat,
                settings=context.settings,
                folder=RepeatFolder(folder.repeat(repeat.number).path.resolve()),
                server=server,
                on_cell=_progress(batch.watcher, submission.student, repeat),
                on_line=partial(batch.watcher.on_line, submission.student),
                stopping=batch.stopping,
                place=place,
                keep_first_call=repeat is context.repeats[0] and not _first_call_file(context).exists(),
            )
            job.folder.path.mkdir()
            clear_card()
            fault = _run_repeat(rebuilt, job, sandbox, account)
            if fault is not None:
                raise _explained(fault, submission, context)


def _nothing_to_clear() -> None:
    """Do nothing: the submission has no GPU."""


def _measure_twice(files: Sequence[tuple[Path, Path]], task: Task) -> list[RepeatScore]:
    """Return what the predictions of each repeat are worth; a score.py that fails gets a second chance.

    Raises ScorerFault where it fails again, with a message that begins with `HELD`.
    """
    with contextlib.suppress(ScorerFault):
        return measure_all(files, task)
    try:
        return measure_all(files, task)
    except ScorerFault as fault:
        raise ScorerFault(f"{HELD}: {fault}; mend it, then run: grader rescore {task.id}") from fault


def _progress(watcher: Watcher, student: str, repeat: Repeat) -> Callable[[int, int], None]:
    return lambda done, total: watcher.on_progress(student, repeat.number, done / total)


def _refuse_syntax_error(submission: ParsedSubmission, rebuilt: Json, folder: RepeatFolder) -> None:
    """Raise the StudentFault of a slot that does not compile: no process need be started to know it."""
    fault = syntax_fault(submission.slot, rebuilt)
    if fault is not None:
        folder.path.mkdir()
        folder.executed.write_text(explained(rebuilt, fault, ""), encoding="utf-8")
        raise _with_version_hint(fault, submission)


def _run_repeat(rebuilt: Json, job: RepeatJob, sandbox: Sandbox, account: _Account) -> StudentFault | None:
    """Execute one repeat, the first after its first call was tried; return the student's fault, if any."""
    context = account.context
    sources = slot_sources(account.submission.slot, context, job.repeat)
    # The first call of a program is all of its work: to try it would be to run it twice.
    if job.repeat is context.repeats[0] and job.task.spec.kind != "program":
        fault = _try_first_call(rebuilt, job, sandbox, sources[0], _first_call_file(context))
        if fault is not None:
            return fault
    with contextlib.closing(open_program(sandbox, sources)) as slot:
        execution = execute(rebuilt, slot, job)
    account.executions.append(replace(execution, memory_mb=slot.memory_mb()))
    if job.keep_first_call:
        keep_first_call(job.folder.path, _first_call_file(context))
    return execution.fault


def _try_first_call(
    rebuilt: Json, job: RepeatJob, sandbox: Sandbox, source: SlotSource, kept: Path
) -> StudentFault | None:
    """Return the fault of a slot that fails in its first call, if the arguments of that call are known."""
    frame = first_call(kept)
    if frame is None:
        return None
    with contextlib.closing(sandbox.start_slot(source)) as slot:
        fault = try_first_call(slot, frame, boundary_of(job.task.spec))
        if fault is not None:
            job.folder.executed.write_text(explained(rebuilt, fault, slot.output()), encoding="utf-8")
        return fault


def _first_call_file(context: RunContext) -> Path:
    """Return the file for the first call, beside the inputs that it was made from."""
    return context.repeats[0].inputs.parent / f"first_call-{context.key[:16]}.frame"


def _explained(fault: StudentFault, submission: ParsedSubmission, context: RunContext) -> StudentFault:
    """Add to the message of a failed run what `check` says beforehand of such a failure."""
    named = _with_name_hint(fault, submission, context.starter)
    return _with_version_hint(_with_refusal_hint(named, submission, context), submission)


def _with_name_hint(fault: StudentFault, submission: ParsedSubmission, starter: Json) -> StudentFault:
    """Explain a missing name that another cell of the student's notebook defines, as a check does."""
    missing = _NAME_ERROR.search(fault.message)
    if fault.verdict is not Verdict.SLOT_ERROR or missing is None:
        return fault
    hint = submission.explain_missing(missing[1], starter)
    return (
        StudentFault(fault.verdict, f"{fault.message}. {hint}", traceback=fault.traceback) if hint else fault
    )


def _with_refusal_hint(
    fault: StudentFault, submission: ParsedSubmission, context: RunContext
) -> StudentFault:
    """Name what the sandbox refuses, where the program asks for it and the failure reads so."""
    if fault.verdict not in (Verdict.SLOT_ERROR, Verdict.SLOT_CRASHED):
        return fault
    granted = context.task.spec.limits.granted
    hint = refusal_hint(fault.message, context.imports, submission.slot, granted)
    return StudentFault(fault.verdict, fault.message + hint, traceback=fault.traceback) if hint else fault


def _with_version_hint(fault: StudentFault, submission: ParsedSubmission) -> StudentFault:
    """Name both versions of Python, where the failure may come from the difference."""
    hint = version_hint(fault.message, submission.python) if fault.verdict is Verdict.SLOT_ERROR else ""
    return StudentFault(fault.verdict, fault.message + hint, traceback=fault.traceback) if hint else fault


def _penalties(executions: list[Execution]) -> list[str]:
    return [
        f"repeat {number}: {sentence}"
        for number, execution in enumerate(executions, start=1)
        for sentence in execution.penalties
    ]


def _scored_sentence(account: _Account) -> str:
    of_files = not account.context.task.spec.runs_code
    sentence = explanation_of(Verdict.SCORED, of_files=of_files).sentence
    penalties = _penalties(account.executions)
    if not penalties:
        return sentence
    count = "a penalty" if len(penalties) == 1 else f"{len(penalties)} penalties, the first"
    return f"{sentence.removesuffix('.')}, with {count}: {penalties[0]}"


def _seconds(total: float, executions: list[Execution]) -> Seconds:
    cells = sum(execution.cell_seconds for execution in executions)
    slot = sum(execution.slot_seconds for execution in executions)
    processor = sum(execution.cpu_seconds + execution.slot_cpu_seconds for execution in executions)
    return Seconds(
        total=total, train=cells - slot, slot_calls=slot, overhead=total - cells, processor=processor
    )
