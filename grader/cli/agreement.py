"""Before a batch: whether this machine gives starter and reference the recorded points, and what follows where it does not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from grader.cli import output, progress
from grader.errors import UsageError
from grader.findings import Finding
from grader.gradebook.agreement_file import keep_agreement
from grader.gradebook.run_settings import RunSettings
from grader.grading.agreement import read_record, sentences
from grader.grading.ray.engine import Cluster
from grader.grading.ray.worker import PackedTrial
from grader.grading.trial import (
    MachineTrial,
    agreement_of,
    keep_trial,
    kept_trial,
    run_trial,
    trial_record,
)
from grader.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.cli.commands import GradeOptions
    from grader.grading.agreement import Agreement
    from grader.grading.engine import Engine
    from grader.task.spec import Task

POINTS = "points of "  # before the name of a task, in what doctor shows
DISAGREES = "compare versions and processor with those of the record, or grade on a machine like that"


@contextmanager
def confirmed_agreement(
    options: GradeOptions, task: Task, settings: RunSettings, engine: Engine, *, jobs: int
) -> Iterator[None]:
    """Compare what will grade with the record of `task`, before the batch or, in a cluster, as its workers start.

    Notes what differs, and keeps what was seen beside the gradebook. A task without recorded bands is not compared. Raises
    UsageError where agreement is required and missing.
    """
    if not task.spec.runs_code:  # points of a file are the same on every machine
        yield
        return
    record = None if options.no_agreement else read_record(task)
    if record is None:
        if options.require_agreement:
            raise UsageError(
                f"{task.id} has no recorded bands to agree with, or no reference; build and measure: grader bands {task.id}"
            )
        yield
        return
    trial = MachineTrial(task, record, settings)
    if isinstance(engine, Cluster):
        engine.try_nodes(PackedTrial.of(trial, required=options.require_agreement))
        yield
        keep_agreement(options.out, task.id, {"nodes": engine.trials, "record": record.origin})
        return
    is_known = kept_trial(trial) is not None
    content = _content(trial, engine, jobs=jobs, quiet=options.as_json)
    agreement = agreement_of(trial, content)
    keep_agreement(options.out, task.id, content | {"agrees": agreement.agrees, "record": record.origin})
    if options.require_agreement and not agreement.agrees:
        lines = "; ".join(sentences(agreement))
        raise UsageError(f"this machine does not give the recorded points of {task.id}: {lines}")
    if not agreement.agrees or agreement.slow:
        warn(task, agreement)
    elif not is_known and not options.as_json:
        output.warn(f"this machine {sentences(agreement)[0]}")
    yield


def warn(task: Task, agreement: Agreement) -> None:
    """Print the block that says what was expected, what was seen, what it means and what to do."""
    if not agreement.agrees:
        output.warn(
            f"this machine does not give the recorded points of {task.id}; see: grader doctor {task.id}"
        )
    for line in sentences(agreement):
        output.warn(f"  {line}")
    if agreement.slow:
        output.warn("  --time-limit gives more time; fewer --jobs make each run faster")


def trial_of(task: Task) -> MachineTrial:
    """Return what `task` would be compared by on this machine. Raises UsageError where nothing is recorded."""
    record = read_record(task)
    if record is None:
        raise UsageError(
            f"{task.id} has no recorded bands, or no reference; build and measure: grader bands {task.id}"
        )
    return MachineTrial(task, record, RunSettings(wall_seconds=task.spec.limits.wall_seconds))


def examine_agreement(trial: MachineTrial, engine: Engine, *, quiet: bool) -> Finding:
    """Return whether this machine gives the recorded points of the trial's task."""
    agreement = agreement_of(trial, _content(trial, engine, jobs=1, quiet=quiet))
    agrees = agreement.agrees and not agreement.slow
    return Finding(f"{POINTS}{trial.task.id}", agrees, "; ".join(sentences(agreement)))


def _content(trial: MachineTrial, engine: Engine, *, jobs: int, quiet: bool) -> dict[str, Any]:
    """Return what is kept of the same trial on this machine, or else of one that is run now."""
    kept = kept_trial(trial)
    if kept is not None:
        return kept
    seconds = sum(answer.seconds for answer in trial.record.answers.values()) * trial.task.spec.repeats
    if not quiet:
        runs = count(trial.task.spec.repeats, "run")
        output.warn(
            f"first use of {trial.task.id} with this machine and these versions: starter and reference are run first, "
            f"{runs} each, about {seconds:.0f} s; what they get is kept for the next time"
        )
    with progress.watcher(len(trial.record.answers), quiet=quiet) as watcher:
        content = trial_record(trial, run_trial(trial, engine, watcher, jobs=jobs))
    keep_trial(trial, content)
    return content
