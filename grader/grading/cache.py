"""Tell which submissions are the same program, and under which conditions a score was reached."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault
from grader.gradebook.run_folder import new_run_folder, settle
from grader.notebooks.changes import changed_cells
from grader.notebooks.program import slot_key, text_digest
from grader.notebooks.reading import read_notebook
from grader.notebooks.slot import find_slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Result
    from grader.gradebook.run_settings import RunSettings
    from grader.notebooks.reading import Json
    from grader.submissions.collect import Submission
    from grader.task.evaluation import Repeat
    from grader.task.spec import Task


def context_key(task: Task, repeats: Sequence[Repeat], settings: RunSettings) -> str:
    """Return a hash of everything beside the slot that decides predictions: the task, its data and seeds, the settings.

    The score map is not part of it: points follow from what is recorded. Seeds cannot be found from the hash, for
    they come from a secret.
    """
    rounds = [(repeat.mark, repeat.number, repeat.trainer_seed, repeat.slot_seed) for repeat in repeats]
    decisive = {"device": settings.device, "wall_seconds": settings.wall_seconds, "backend": settings.backend}
    text = json.dumps([task.id, task.run_digest, rounds, decisive])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Slot:
    """A slot as it is compared: `key` as a program, `sha256` as a text."""

    key: str
    sha256: str


def slot_of(submission: Submission, starter: Json) -> Slot | None:
    """Return a submission's slot; None where it has none, or cannot be read."""
    try:
        source = find_slot(read_notebook(submission.data or b""), starter)
    except (StudentFault, GraderFault):
        return None
    return Slot(slot_key(source), text_digest(source))


def may_stand_for(result: Result, slot: Slot) -> bool:
    """Return whether a result may be recorded for `slot`, which is the same program.

    A traceback quotes lines with their comments: only those get it whose text is the very same.
    """
    return not result.traceback or slot.sha256 == result.slot_sha256


def record_for(result: Result, submission: Submission, starter: Json, runs: Path) -> Result:
    """Return `result` as the result of `submission`, whose slot is the same program, and make its run folder.

    The executed notebooks are copied there where the slots have the same text.

    Raises OSError where that cannot be written.
    """
    data = submission.data or b""
    notebook = read_notebook(data)
    source = find_slot(notebook, starter)
    folder = new_run_folder(runs, submission.student)
    (folder / "submission.ipynb").write_bytes(data)
    (folder / "slot.py").write_text(source, encoding="utf-8", errors="replace")
    if text_digest(source) == result.slot_sha256:  # else it would show somebody's comments
        for executed in sorted(Path(result.run_folder).glob("repeat-*/executed.ipynb")):
            (folder / executed.parent.name).mkdir()
            shutil.copyfile(executed, folder / executed.parent.name / executed.name)
    copied = replace(
        result,
        submission=submission.path,
        student=submission.student,
        submission_sha256=hashlib.sha256(data).hexdigest(),
        slot_sha256=text_digest(source),
        changed_cells=changed_cells(notebook, starter),
        identical_to=f"{result.student} ({result.submission})",
        run_folder=str(folder),
    )
    (folder / "result.json").write_text(json.dumps(copied.as_json(), indent=2) + "\n", encoding="utf-8")
    settle(folder)
    return copied
