"""Compare submissions as programs, and the conditions under which a score was reached."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grader.gradebook.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.grading.parsed import ParsedSubmission
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


def context_key(task: Task, repeats: Sequence[Repeat], settings: RunSettings) -> str:
    """Return a hash of everything beside the slot that decides predictions: the task, its data and seeds, the settings.

    The score map is not part of it: points follow from what is recorded. Seeds cannot be found from the hash, for
    they come from a secret.
    """
    rounds = [(repeat.mark, repeat.number, repeat.trainer_seed, repeat.slot_seed) for repeat in repeats]
    confinement = (
        "plain" if settings.walls == "plain" else "bubblewrap"
    )  # whatever walls: no prediction depends on them
    decisive = {"device": settings.device, "wall_seconds": settings.wall_seconds, "backend": confinement}
    text = json.dumps([task.id, task.run_digest, rounds, decisive])
    return hashlib.sha256(text.encode()).hexdigest()


def may_stand_for(result: Result, submission: ParsedSubmission) -> bool:
    """Return whether a result may be recorded for `submission`, whose slot is the same program.

    A traceback quotes lines with their comments: only those get it whose text is the very same.
    """
    return not result.traceback or submission.slot_sha256 == result.slot_sha256


def record_for(result: Result, submission: ParsedSubmission, runs: Path) -> Result:
    """Return `result` as the result of `submission`, whose slot is the same program, and make its run folder.

    The executed notebooks are copied there where the slots have the same text.

    Raises OSError where that cannot be written.
    """
    folder = RunFolder.create(runs, submission.student)
    submission.keep(folder)
    if submission.slot_sha256 == result.slot_sha256:  # else it would show somebody's comments
        for repeat in RunFolder(Path(result.run_folder)).executed():
            copy = folder.repeat(repeat.number)
            copy.path.mkdir()
            shutil.copyfile(repeat.executed, copy.executed)
    copied = replace(
        result,
        submission=submission.submission.path,
        student=submission.student,
        submission_sha256=submission.sha256,
        slot_sha256=submission.slot_sha256,
        changed_cells=submission.changed_cells,
        identical_to=f"{result.student} ({result.submission})",
        run_folder=str(folder.path),
    )
    folder.write_result(copied)
    folder.flush()
    return copied
