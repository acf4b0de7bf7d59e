"""Run a submission of a contest once more with its recorded seeds, and compare: only a process that knows secrets can."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from grader.contest.grading import task_secret
from grader.contest.replays import ReplayEvidence
from grader.errors import GraderFault, UsageError, Verdict
from grader.gradebook.gradebook import FILE_NAME, reading
from grader.gradebook.run_folder import RunFolder
from grader.grading import rerun
from grader.task.evaluation import prepare_repeats
from grader.task.scoring import load_arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grader.contest.grading import GradedTask
    from grader.contest.store import Store
    from grader.gradebook.gradebook import Recorded
    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.engine import Engine
    from grader.task.evaluation import Repeat


class EvidenceWatcher:
    """Passes on notices, and nothing else."""

    def __init__(self, on_notice: Callable[[str], None]) -> None:
        self._on_notice = on_notice

    def on_progress(self, student: str, repeat: int, share: float) -> None:
        """Nobody watches cells."""

    def on_line(self, student: str, line: str) -> None:
        """Nobody watches what a program prints."""

    def on_known(self, count: int) -> None:
        """Nothing is taken from the cache."""

    def on_result(self, result: Result) -> None:
        """Do nothing: the comparison is what counts."""

    def on_notice(self, text: str) -> None:
        """Pass on what the engine notes."""
        self._on_notice(text)


def gather_evidence(
    store: Store, number: int, graded: GradedTask, *, engine: Engine, on_notice: Callable[[str], None]
) -> ReplayEvidence:
    """Return what comes of running a submission once more; why it cannot be run stands in it as well."""
    try:
        recorded = _recorded(store, number, graded)
        settings = rerun.settings_of(graded.out, recorded)
        repeats = _repeats(graded, settings)
        replay = rerun.replay(
            recorded, graded.task, repeats, settings, out=graded.out, watcher=EvidenceWatcher(on_notice), engine=engine
        )  # fmt: skip
    except UsageError as error:
        return ReplayEvidence(problem=str(error))
    if replay.result.verdict is Verdict.GRADER_ERROR:
        return ReplayEvidence(problem=f"the grader failed: {replay.result.message}")
    then, now = RunFolder.of(graded.out, replay.recorded), RunFolder(Path(replay.result.run_folder))
    try:
        digests = predictions_digest(then, repeats), predictions_digest(now, repeats)
    except GraderFault as fault:  # a damaged file stays so: to try again would run the submission for ever
        return ReplayEvidence(problem=f"the predictions cannot be compared: {fault}")
    return ReplayEvidence(
        replay.compared, tuple(replay.different), digests, (replay.recorded.points, replay.result.points)
    )


def predictions_digest(folder: RunFolder, repeats: Sequence[Repeat]) -> str:
    """Return the SHA-256 of all predictions of a run: of each repeat, the name, kind, shape and bytes of each array."""
    digest = hashlib.sha256()
    for repeat in repeats:
        path = folder.repeat(repeat.number).predictions
        for name, array in sorted(load_arrays(path).items()) if path.is_file() else ():
            digest.update(f"{repeat.number} {name} {array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def _recorded(store: Store, number: int, graded: GradedTask) -> Recorded:
    """Return the run behind the verdict of a submission. Raises UsageError where it was answered without one."""
    query = "SELECT team, sha256 FROM submissions WHERE number = ?"
    with store.reading() as transaction:
        row = transaction.connection.execute(query, (number,)).fetchone()
    if (graded.out / FILE_NAME).is_file():
        with reading(graded.out) as book:
            for entry in reversed(book.of_student(graded.task.id, row["team"])):
                if entry.result.submission_sha256 == row["sha256"]:
                    return book.executed_for(entry)
    raise UsageError(f"submission {number} was answered without being run: there is nothing to compare with")


def _repeats(graded: GradedTask, settings: RunSettings) -> list[Repeat]:
    """Return the repeats of a run: today's, or those of the settings that it ran under."""
    if settings == graded.settings:
        return graded.repeats
    return prepare_repeats(
        graded.task,
        task_secret(graded.task, graded.out),
        graded.out / "evaluation",
        repeats=settings.repeats,
        source=settings.source or "",
        size=settings.size,
        seed_version=settings.seed_version,
    )
