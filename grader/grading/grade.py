"""Grade one submission: read -> rebuild -> execute -> score -> Result. The story of the product on one page."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grader.errors import EXPLANATIONS, GraderFault, StudentFault, Verdict
from grader.gradebook.result import Metrics, Result, Seconds
from grader.gradebook.run_folder import keep_traceback, new_run_folder, settle
from grader.grading.environment import versions
from grader.notebooks.changes import changed_cells
from grader.notebooks.program import slot_key, text_digest
from grader.notebooks.reading import read_notebook
from grader.notebooks.rebuild import rebuild
from grader.notebooks.slot import find_slot, names_defined_elsewhere
from grader.sandbox import SlotSource
from grader.task.scoring import points, score
from grader.trainer.attribution import OutOfCardMemory
from grader.trainer.first_call import explained, first_call, keep_first_call, try_first_call
from grader.trainer.gpus import ANYWHERE, Place
from grader.trainer.run import Execution, Plan, execute
from grader.trainer.syntax import syntax_fault

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from grader.grading.plan import Settings
    from grader.sandbox import Sandbox
    from grader.sandbox.pool import SandboxSupply
    from grader.submissions.collect import Submission
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task
    from grader.trainer.fork_server import ForkServer, TrainerSource

_NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")


@dataclass(frozen=True)
class Bench:
    """What every submission of a batch shares.

    `imports` is the protected cell that is run before the slot; `on_progress` gets (student, repeat, share of its cells
    done). `context` stands for task, settings and seeds in the names of what is kept from run to run.
    """

    task: Task
    starter: dict[str, Any]
    imports: str
    repeats: list[Repeat]
    settings: Settings
    sandboxes: SandboxSupply
    trainers: TrainerSource
    runs: Path
    context: str
    on_progress: Callable[[str, int, float], None]
    stopping: threading.Event


@dataclass
class _Account:
    """What is known of a submission so far; a Result is made of it however the grading ends."""

    submission_sha256: str = ""
    slot_sha256: str = ""
    slot_key: str = ""
    changed: list[str] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    scores: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class _End:
    """How the grading of a submission ended."""

    verdict: Verdict
    message: str
    points: int | None
    traceback: str = ""


def grade(submission: Submission, bench: Bench, place: Place = ANYWHERE) -> Result:
    """Grade one submission; every way it can end is a verdict in the Result, and a bug of ours is `grader_error`.

    Raises OutOfCardMemory, and nothing else, where the share of a graphics card was too small.
    """
    begun = time.monotonic()
    account = _Account()
    try:
        folder = new_run_folder(bench.runs, submission.student)
    except OSError as error:
        end = _End(Verdict.GRADER_ERROR, f"no run folder can be made: {error.strerror}", None)
        return _result(submission, bench, account, end, begun=begun, folder=bench.runs)
    try:
        _grade(submission, bench, account, folder, place)
        earned = points(_mean(account.scores), bench.task.spec.score)
        end = _End(Verdict.SCORED, _scored_sentence(_penalties(account.executions)), earned)
    except StudentFault as fault:
        end = _End(fault.verdict, fault.message, 0, fault.traceback)
    except GraderFault as fault:
        if not bench.stopping.is_set():
            keep_traceback(folder)
        if isinstance(fault, OutOfCardMemory) and place.share:
            raise
        end = _End(Verdict.GRADER_ERROR, str(fault), None)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is ours, and the batch goes on
        end = _End(Verdict.GRADER_ERROR, f"{type(error).__name__}: {error}", None)
        keep_traceback(folder)
    result = _result(submission, bench, account, end, begun=begun, folder=folder)
    if bench.stopping.is_set() and result.verdict is Verdict.GRADER_ERROR:
        return result  # nobody records it, and the folder shall not look as if somebody had
    try:  # a copy for whoever looks into the folder; the batch records the result
        (folder / "result.json").write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")
        settle(folder)
    except OSError as error:
        end = _End(Verdict.GRADER_ERROR, f"the run folder cannot be written: {error.strerror}", None)
        return _result(submission, bench, account, end, begun=begun, folder=folder)
    return result


def _result(
    submission: Submission, bench: Bench, account: _Account, end: _End, *, begun: float, folder: Path
) -> Result:
    return Result(
        submission=submission.path,
        task=bench.task.id,
        task_version=bench.task.version,
        student=submission.student,
        submission_sha256=account.submission_sha256,
        slot_sha256=account.slot_sha256,
        slot_key=account.slot_key,
        verdict=end.verdict,
        message=end.message,
        points=end.points,
        metrics=_metrics(account.scores) if end.verdict is Verdict.SCORED else None,
        seconds=_seconds(time.monotonic() - begun, account.executions),
        slot_calls=sum(execution.slot_calls for execution in account.executions),
        memory_mb=[execution.memory_mb for execution in account.executions],
        penalties=_penalties(account.executions),
        changed_cells=account.changed,
        device=account.executions[-1].device if account.executions else "none",
        run_folder=str(folder),
        traceback=end.traceback,
        versions=versions(),
    )


def _grade(submission: Submission, bench: Bench, account: _Account, folder: Path, place: Place) -> None:
    """Fill `account`, repeat by repeat.

    Raises StudentFault or GraderFault, whichever side failed.
    """
    if submission.fault is not None:
        raise submission.fault
    data = submission.data or b""
    account.submission_sha256 = hashlib.sha256(data).hexdigest()
    (folder / "submission.ipynb").write_bytes(data)
    notebook = read_notebook(data)
    account.changed = changed_cells(notebook, bench.starter)
    slot_source = find_slot(notebook, bench.starter)
    account.slot_sha256 = text_digest(slot_source)
    account.slot_key = slot_key(slot_source)
    (folder / "slot.py").write_text(slot_source, encoding="utf-8", errors="replace")
    rebuilt = rebuild(bench.starter, slot_source)
    _refuse_syntax_error(slot_source, rebuilt, folder, bench)
    sandbox = bench.sandboxes.take()
    try:
        server = bench.trainers.fork_server()  # its imports run beside those in the sandbox
        for repeat in bench.repeats:
            source = SlotSource(bench.imports, slot_source, bench.task.spec.entries, repeat.slot_seed)
            where = folder / f"repeat-{repeat.number}"
            where.mkdir()
            if repeat is bench.repeats[0]:
                fault = _gate(sandbox, source, rebuilt, where, bench)
            if fault is None:
                plan = _plan(repeat, bench, where, submission.student, place=place, server=server)
                with contextlib.closing(sandbox.start_slot(source)) as slot:
                    execution = execute(rebuilt, slot, plan)
                account.executions.append(replace(execution, memory_mb=slot.memory_mb()))
                fault = account.executions[-1].fault
                if plan.keep_first_call:
                    keep_first_call(where, _kept(bench))
            if fault is not None:
                raise _with_name_hint(fault, notebook, slot_source)
            account.scores.append(score(where / "predictions.npz", repeat.answers))
    finally:
        sandbox.close()


def _refuse_syntax_error(slot_source: str, rebuilt: dict[str, Any], folder: Path, bench: Bench) -> None:
    """Raise the StudentFault of a slot that does not compile: no process need be started to know it."""
    fault = syntax_fault(slot_source)
    if fault is not None:
        where = folder / f"repeat-{bench.repeats[0].number}"
        where.mkdir()
        (where / "executed.ipynb").write_text(explained(rebuilt, fault, ""), encoding="utf-8")
        raise fault


def _gate(
    sandbox: Sandbox, source: SlotSource, rebuilt: dict[str, Any], where: Path, bench: Bench
) -> StudentFault | None:
    """Return the fault of a slot that fails in its first call, if the arguments of that call are known."""
    frame = first_call(_kept(bench))
    if frame is None:
        return None
    with contextlib.closing(sandbox.start_slot(source)) as slot:
        fault = try_first_call(slot, frame, bench.task.spec.limits.return_mb)
        if fault is not None:
            (where / "executed.ipynb").write_text(explained(rebuilt, fault, slot.output()), encoding="utf-8")
        return fault


def _kept(bench: Bench) -> Path:
    """Return the file for the first call, beside the inputs that it was made from."""
    return bench.repeats[0].inputs.parent / f"first_call-{bench.context[:16]}.frame"


def _plan(
    repeat: Repeat, bench: Bench, where: Path, student: str, *, place: Place, server: ForkServer | None
) -> Plan:
    spec = bench.task.spec
    return Plan(
        parameters={
            "FINAL_EVALUATION_MODE": True,
            "DATA_PATH": str(repeat.inputs.resolve()),
            "PREDICTIONS_PATH": str((where / "predictions.npz").resolve()),
            "SEED": repeat.trainer_seed,
            "DEVICE": bench.settings.device,
        },
        folder=where.resolve(),
        entries=spec.entries,
        wall_seconds=bench.settings.wall_seconds,
        return_mb=spec.limits.return_mb,
        device=bench.settings.device,
        warm=server,
        on_cell=lambda done, total: bench.on_progress(student, repeat.number, done / total),
        stopping=bench.stopping,
        place=place,
        keep_first_call=repeat is bench.repeats[0] and not _kept(bench).exists(),
    )


def _with_name_hint(fault: StudentFault, notebook: dict[str, Any], slot_source: str) -> StudentFault:
    """Say where a missing name is defined, if it is in another cell of the student's notebook."""
    found = _NAME_ERROR.search(fault.message)
    if fault.verdict is not Verdict.SLOT_ERROR or found is None:
        return fault
    cell = names_defined_elsewhere(notebook, slot_source).get(found[1])
    if cell is None:
        return fault
    hint = (
        f"{fault.message}. Your notebook defines {found[1]!r} in another cell ({cell}), and only the slot is "
        f"run: move {found[1]!r} into the slot"
    )
    return StudentFault(fault.verdict, hint, traceback=fault.traceback)


def _penalties(executions: list[Execution]) -> list[str]:
    return [
        f"repeat {number}: {sentence}"
        for number, execution in enumerate(executions, start=1)
        for sentence in execution.penalties
    ]


def _scored_sentence(penalties: list[str]) -> str:
    sentence = EXPLANATIONS[Verdict.SCORED].sentence
    if not penalties:
        return sentence
    count = "a penalty" if len(penalties) == 1 else f"{len(penalties)} penalties, the first"
    return f"{sentence.removesuffix('.')}, with {count}: {penalties[0]}"


def _mean(scores: list[dict[str, float]]) -> float:
    return statistics.fmean(statistics.fmean(repeat.values()) for repeat in scores)


def _metrics(scores: list[dict[str, float]]) -> Metrics:
    per_repeat = [statistics.fmean(repeat.values()) for repeat in scores]
    return Metrics(
        balanced_accuracy=statistics.fmean(per_repeat),
        per_model={name: statistics.fmean(repeat[name] for repeat in scores) for name in scores[0]},
        per_repeat=per_repeat,
        spread=statistics.stdev(per_repeat) if len(per_repeat) > 1 else 0.0,
    )


def _seconds(total: float, executions: list[Execution]) -> Seconds:
    cells = sum(execution.cell_seconds for execution in executions)
    slot = sum(execution.slot_seconds for execution in executions)
    return Seconds(total=total, train=cells - slot, slot_calls=slot, overhead=total - cells)
