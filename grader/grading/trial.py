"""Run starter and reference once for each machine, versions and task, and keep what came of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import importlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from grader.errors import UsageError, Verdict
from grader.files import READ, reporting_os_errors, write_atomic
from grader.gradebook.run_settings import SEED_VERSION
from grader.grading.agreement import ANSWERS, Agreement, MeasuredAnswer, compare, measured_of
from grader.grading.cache import context_key
from grader.grading.environment import machine, processor, versions
from grader.grading.parsed import parse
from grader.grading.plan import RunContext, Watcher
from grader.submissions.collect import Submission
from grader.task.evaluation import prepare_repeats, resolve_source
from grader.task.spec import DEFAULT_SIZE
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.gradebook.run_settings import RunSettings
    from grader.grading.agreement import BandsRecord
    from grader.grading.engine import Engine
    from grader.task.spec import Task

_GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class MachineTrial:
    """What to run: the task's own answers, on the seeds of its record, as often as a submission is run.

    `settings` are those of the grading that is about to start; data and limits are the task's own.
    """

    task: Task
    record: BandsRecord
    settings: RunSettings

    def key(self) -> str:
        """Return a hash of all that decides what comes of it: task, seeds, versions, machine and device."""
        program = [self.task.run_digest, self.record.secret, SEED_VERSION, self.task.spec.repeats]
        place = [machine(), processor(), _gpus(), os.environ.get("CUDA_VISIBLE_DEVICES", "")]
        text = json.dumps([program, place, versions(), self.settings.device])
        return hashlib.sha256(text.encode()).hexdigest()

    def context(self, folder: Path, jobs: int) -> RunContext:
        """Return the context of the runs; hidden data are built in `folder`. Raises UsageError where they cannot be."""
        task, limits = self.task, self.task.spec.limits
        settings = replace(
            self.settings, wall_seconds=limits.wall_seconds, repeats=task.spec.repeats, source=None, size=DEFAULT_SIZE,
            secret_file=None, seed_version=SEED_VERSION,
        )  # fmt: skip
        source = resolve_source(task.spec.data.source, task.folder)
        repeats = prepare_repeats(
            task, self.record.secret.encode(), folder, repeats=settings.repeats, source=source
        )
        key = context_key(task, repeats, settings)
        return RunContext(task, load_starter(task), repeats, settings, key, jobs=jobs)

    def submissions(self) -> list[Submission]:
        """Return starter and reference as submissions. Raises UsageError where one is not built."""
        task = self.task
        with reporting_os_errors(READ, task.solution, f"run: grader build {task.id}"):
            notebooks = [task.starter.read_bytes(), task.solution.read_bytes()]
        return [Submission(name, name, data) for name, data in zip(ANSWERS, notebooks, strict=True)]


def run_trial(
    trial: MachineTrial, engine: Engine, watcher: Watcher, *, jobs: int
) -> dict[str, MeasuredAnswer]:
    """Run the answers of `trial` on `engine` and return what each got; nothing is left on the disk.

    Raises UsageError where they cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="grader-trial-", ignore_cleanup_errors=True) as name:
        context = trial.context(Path(name) / "evaluation", min(jobs, len(ANSWERS)))
        return run_answers(context, trial.submissions(), engine, Path(name) / "runs", watcher)


def run_answers(
    context: RunContext, submissions: Sequence[Submission], engine: Engine, runs: Path, watcher: Watcher
) -> dict[str, MeasuredAnswer]:
    """Run the task's own answers, in the order of `ANSWERS`, with run folders in `runs`; return what each got."""
    parsed = [parse(submission, context.starter) for submission in submissions]
    with contextlib.closing(engine.grade(context, parsed, runs, watcher)) as graded:
        return {ANSWERS[index]: measured_of(result) for index, result in graded}


def agreement_of(trial: MachineTrial, content: dict[str, Any]) -> Agreement:
    """Return how a trial's record compares with the bands, with the time limit of the grading that is about to start."""
    task, wall_seconds = trial.task, trial.settings.wall_seconds
    return compare(
        trial.record, answers_of(content), task.spec.score, wall_seconds=wall_seconds, metric=task.metric
    )


@contextlib.contextmanager
def one_at_a_time(trial: MachineTrial) -> Iterator[None]:
    """Wait until no other process of this machine runs the same trial; it may be kept then."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ImportError):  # both run it then
            locks = importlib.import_module("fcntl")
            path = _file(trial).with_suffix(".lock")
            path.parent.mkdir(parents=True, exist_ok=True)
            locks.flock(stack.enter_context(path.open("w")), locks.LOCK_EX)
        yield


def trial_record(trial: MachineTrial, measured: dict[str, MeasuredAnswer]) -> dict[str, Any]:
    """Return what is kept of a trial, as plain JSON values."""
    return {
        "task": trial.task.id,
        "task_version": trial.task.version,
        "moment": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine() | {"cpu": processor(), "gpus": _gpus()},
        "versions": versions(),
        "device": trial.settings.device,
        "answers": {name: asdict(answer) for name, answer in measured.items()},
    }


def kept_trial(trial: MachineTrial) -> dict[str, Any] | None:
    """Return the record of the same trial on this machine; None where there is none that can be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content: dict[str, Any] = json.loads(_file(trial).read_text(encoding="utf-8"))
        answers_of(content)
        return content
    return None


def keep_trial(trial: MachineTrial, content: dict[str, Any]) -> None:
    """Keep a record in the user's cache folder, where both answers got a score.

    What failed is tried again the next time. A cache that cannot be written costs another trial, and no grading.
    """
    if all(answer.verdict is Verdict.SCORED for answer in answers_of(content).values()):
        with contextlib.suppress(UsageError):
            write_atomic(_file(trial), (json.dumps(content, indent=2) + "\n").encode())


def answers_of(content: dict[str, Any]) -> dict[str, MeasuredAnswer]:
    """Return the measured answers of a record. Raises KeyError, TypeError or ValueError where it is damaged."""
    return {
        name: MeasuredAnswer(
            Verdict(answer["verdict"]),
            answer["message"],
            answer["per_repeat"],
            answer["seconds"],
            answer["processor_seconds"],
        )
        for name, answer in ((name, content["answers"][name]) for name in ANSWERS)
    }


def _file(trial: MachineTrial) -> Path:
    folder = platformdirs.user_cache_path("notebook-olympiad") / "trials"
    return folder / f"{trial.task.id}-{trial.key()[:32]}.json"


def _gpus() -> list[str]:
    """Return the models of NVIDIA GPUs, as their driver tells them without being started."""
    models = []
    for path in sorted(_GPUS.glob("*/information")):
        with contextlib.suppress(OSError):
            lines = path.read_text(encoding="utf-8").splitlines()
            models += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return models
