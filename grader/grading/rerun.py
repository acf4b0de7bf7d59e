"""Go back to what is recorded: run chosen submissions again, give points under a new map, or prove a run."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderFault, UsageError, instead
from grader.files import write_atomic
from grader.gradebook.gradebook import FILE_NAME, Recorded, now, reading
from grader.gradebook.run_folder import RunFolder
from grader.gradebook.run_settings import SEED_VERSION, RunSettings
from grader.grading.cache import context_key
from grader.grading.engine import opened
from grader.grading.environment import machine
from grader.grading.parsed import parse
from grader.grading.plan import RunContext, Watcher
from grader.submissions.collect import Submission
from grader.task.scoring import load_arrays
from grader.task.starter import load_starter

if TYPE_CHECKING:
    from collections.abc import Collection

    from grader.gradebook.result import Result
    from grader.grading.engine import Engine
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


@dataclass(frozen=True)
class Replay:
    """What came of running a recorded submission once more.

    `different` names what is not as it was recorded: the verdict, or arrays of predictions; empty where everything
    is the same bit for bit. `environment` maps what differs around it to (then, now).
    """

    student: str
    recorded: Result
    result: Result
    compared: int
    different: list[str]
    environment: dict[str, tuple[str, str]]


def settings_of_last_grade(out: Path, task: Task) -> RunSettings:
    """Return the settings that the last `grade` of `task` in `out` was called with.

    Raises UsageError where there was none.
    """
    with reading(out) as book:
        for run in reversed(book.runs()):
            if run["command"] == "grade" and run["settings"].get("task") == task.id:
                return RunSettings.from_json(run["settings"])
    raise UsageError(f"{out} holds no results of {task.id}")


def seed_version_of(out: Path, task: Task) -> int:
    """Return how seeds are derived in `out`: as in its first results of `task`, so that all were graded on the same data."""
    if not (out / FILE_NAME).is_file():
        return SEED_VERSION
    with reading(out) as book:
        for run in book.runs():
            if run["command"] == "grade" and run["settings"].get("task") == task.id:
                return RunSettings.from_json(run["settings"]).seed_version
    return SEED_VERSION


def settings_of(out: Path, recorded: Recorded) -> RunSettings:
    """Return the settings of the call that ran what was recorded."""
    return RunSettings.from_json(executing_run(out, recorded)["settings"])


def executing_run(out: Path, recorded: Recorded) -> dict[str, Any]:
    """Return the call that ran what was recorded; a later one may only have given it other points."""
    with reading(out) as book:
        runs = {run["id"]: run for run in book.runs()}
        first = next(row for row in book.history() if row.result.run_folder == recorded.result.run_folder)
    return runs[first.run]


def replays_of(out: Path, result: Result) -> list[dict[str, Any]]:
    """Return what came of each replay of a run, oldest first, as `replay` wrote it; a damaged file is skipped."""
    records = []
    for path in (out / "replays").glob("*/run-*/replay.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["run_folder"] == _within(result.run_folder):
                records.append(record | {"moment": str(record["moment"])})
    return sorted(records, key=lambda record: record["moment"])


def _within(run_folder: str) -> str:
    """Return a run's folder without the place of its folder of results, which may be moved."""
    return "/".join(Path(run_folder).parts[-3:])


def chosen(
    out: Path, task: Task, *, verdicts: Collection[str], students: Collection[str]
) -> list[Submission]:
    """Return the recorded submissions of `task` whose current verdict and student are among those given.

    An empty collection chooses all. Raises UsageError where nothing is chosen, or a file was never kept.
    """
    with reading(out) as book:
        current = [row for row in book.current() if row.result.task == task.id]
    known = {row.result.student for row in current}
    if unknown := set(students) - known:
        raise UsageError(f"{out} has no student {min(unknown)!r}; {instead(min(unknown), known)}")
    submissions = []
    for row in current:
        result = row.result
        if (not verdicts or result.verdict in verdicts) and (not students or result.student in students):
            kept = RunFolder.of(out, result).submission
            if not kept.is_file():
                raise UsageError(
                    f"the file of {result.student} was not kept ({result.verdict}); grade the file itself"
                )
            submissions.append(Submission(result.submission, result.student, kept))
    if not submissions:
        raise UsageError(f"nothing in {out} is chosen by that; `grader results {out}` lists what there is")
    return submissions


def find(out: Path, name: str) -> Recorded:
    """Return the recorded result that `name` means: a run folder, a submitted path, or a student with one result.

    What was recorded for somebody's identical program leads to the run that was executed. Raises UsageError where
    nothing or several fit.
    """
    with reading(out) as book:
        history = {row.id: row for row in book.history()}
        current = book.current()
    for row in reversed(history.values()):
        if Path(name).resolve() == RunFolder.of(out, row.result).path.resolve():
            return history.get(row.identical_to or row.id, row)
    fitting = [row for row in current if name in (row.result.student, row.result.submission)]
    if len(fitting) != 1:
        count = "no result" if not fitting else f"{len(fitting)} results"
        raise UsageError(f"{name!r} has {count} in {out}; give the run folder instead")
    return history.get(fitting[0].identical_to or fitting[0].id, fitting[0])


def replay(
    recorded: Recorded,
    task: Task,
    repeats: list[Repeat],
    settings: RunSettings,
    *,
    out: Path,
    watcher: Watcher,
    engine: Engine | None = None,
) -> Replay:
    """Run a recorded submission once more with the same seeds and compare the predictions; nothing is recorded.

    It runs on `engine`, or on one of this machine that is opened for it.

    Raises UsageError where task, settings or secret are not those of the record, or its file was not kept. What came of it
    is kept in the folder of the new run.
    """
    was = recorded.result
    folder = RunFolder.of(out, was)
    if recorded.key.context != context_key(task, repeats, settings):
        raise UsageError(
            "the task, the settings or the secret are not those of the record: predictions would differ"
        )
    if not folder.submission.is_file():
        raise UsageError(f"the file of {was.student} was not kept ({was.verdict})")
    context = RunContext(task, load_starter(task), repeats, settings, recorded.key.context)
    submission = parse(Submission(was.submission, was.student, folder.submission), context.starter)
    with (
        opened(engine) as used,
        contextlib.closing(used.grade(context, [submission], out / "replays", watcher)) as graded,
    ):
        ((_, result),) = graded
    different = [] if result.verdict is was.verdict else [f"verdict: {was.verdict}, now {result.verdict}"]
    compared = 0
    for repeat in repeats:
        then, today = (
            run.repeat(repeat.number).predictions for run in (folder, RunFolder(Path(result.run_folder)))
        )
        if then.is_file() and today.is_file():
            compared += 1
            different += [f"repeat {repeat.number}: {name}" for name in _different(then, today)]
    if was.metrics is not None and compared < len(repeats):
        different.append(
            f"only {compared} of {len(repeats)} repeats could be compared: predictions are missing"
        )
    environment = _environment(out, recorded, result)
    record = {
        "run_folder": _within(was.run_folder), "moment": now(), "verdict": str(result.verdict), "compared": compared,
        "different": different, "environment": environment,
    }  # fmt: skip
    comparison = RunFolder(Path(result.run_folder)).comparison
    write_atomic(comparison, (json.dumps(record, indent=2) + "\n").encode())
    return Replay(was.student, was, result, compared, different, environment)


def _different(before: Path, after: Path) -> list[str]:
    """Return the names of arrays that two npz files do not share bit for bit; where one is damaged, what is wrong with it."""
    try:
        then, today = load_arrays(before), load_arrays(after)
    except GraderFault as fault:
        return [str(fault)]
    return [
        name
        for name in sorted({*then, *today})
        if name not in then
        or name not in today
        or then[name].dtype != today[name].dtype
        or then[name].shape != today[name].shape
        or then[name].tobytes() != today[name].tobytes()
    ]


def _environment(out: Path, recorded: Recorded, result: Result) -> dict[str, tuple[str, str]]:
    run = executing_run(out, recorded)
    then = {**run["machine"], **recorded.result.versions, "device": recorded.result.device}
    today = {**machine(), **result.versions, "device": result.device}
    names = sorted({*then, *today})
    pairs = {name: (str(then.get(name, "none")), str(today.get(name, "none"))) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
