"""Read a submission once, before anything runs: its slot, or the fault that it has instead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault
from grader.notebooks.changes import changed_cells
from grader.notebooks.elsewhere import explain_elsewhere, other_cells
from grader.notebooks.program import slot_key, text_digest
from grader.notebooks.reading import grader_metadata, python_version, read_notebook
from grader.notebooks.slot import program_text, refuse_renamed, slot_numbers
from grader.notebooks.whole_program import is_whole, joined_cells, refuse_magics
from grader.task.file_formats import excerpt

if TYPE_CHECKING:
    from grader.gradebook.run_folder import RunFolder
    from grader.notebooks.reading import Json
    from grader.submissions.collect import Submission


_KEPT = ("cell_type", "source", "id", "metadata")


@dataclass(frozen=True)
class ParsedSubmission:
    """A submission as everything after intake sees it. Where there is a `fault`, what it kept from being read is empty.

    `slot` is the source of the student's cell, or of all cells of their program, `slot_key` the same for the same program and `slot_sha256` for the same
    text. Of a file of predictions `slot` is its beginning as text, and both hashes are those of its bytes. `cells` are those of the notebook without their
    outputs, of which the slots have the `numbers`, from 1. `python` is the version of Python that it ran.
    """

    submission: Submission
    sha256: str = ""
    slot: str = ""
    slot_key: str = ""
    slot_sha256: str = ""
    changed_cells: list[str] = field(default_factory=list)
    cells: list[Json] = field(default_factory=list)
    numbers: tuple[int, ...] = ()
    python: str = ""
    ending: str = ".ipynb"
    fault: StudentFault | GraderFault | None = None

    @property
    def student(self) -> str:
        """The student's id."""
        return self.submission.student

    @property
    def may_be_read_again(self) -> bool:
        """Whether the file could not be read just now, which may be over in a moment."""
        return isinstance(self.fault, GraderFault) and self.submission.fault is None

    def data(self) -> bytes:
        """Return the bytes that were parsed. Raises GraderFault where the file is not what it was."""
        data = self.submission.data or b""
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise GraderFault(f"{self.submission.path} was changed while it was graded")
        return data

    def keep(self, folder: RunFolder) -> None:
        """Write the file as it was handed in, and the program or the rows that are in it. Raises OSError."""
        folder.handed_in(self.ending).write_bytes(self.data())
        if self.fault is not None:
            return
        if self.ending == ".ipynb":
            folder.write_slot(self.slot)
        else:
            folder.excerpt.write_text(self.slot, encoding="utf-8")

    def explain_missing(self, name: str, starter: Json) -> str:
        """Return why `name` is not there though another cell of the notebook defines it, and what to do; else ""."""
        homes = [
            cell
            for cell in other_cells({"cells": self.cells}, starter, self.numbers)
            if name in cell.statements
        ]
        if not homes:
            return ""
        explanation = explain_elsewhere(name, homes)
        return f"{explanation.sentence}. To mend it: {explanation.help}"


def parse(submission: Submission, starter: Json) -> ParsedSubmission:
    """Return `submission` as it is graded for the task of `starter`; never raises a fault, but keeps it."""
    if submission.fault is not None:
        return ParsedSubmission(submission, fault=submission.fault)
    try:
        data = submission.data or b""
    except GraderFault as fault:
        return ParsedSubmission(submission, fault=fault)
    sha256, changed = hashlib.sha256(data).hexdigest(), []
    file = grader_metadata(starter).get("hand_in")
    ending = PurePosixPath(file["name"]).suffix if file else ".ipynb"
    try:
        if file:
            text = excerpt(file["name"], data)
            return ParsedSubmission(submission, sha256, text, sha256, sha256, ending=ending)
        notebook = read_notebook(data)
        changed = changed_cells(notebook, starter)
        numbers = slot_numbers(notebook, starter)
        refuse_renamed(notebook, numbers, starter)
        slot = program_text(notebook, starter, numbers)
        if is_whole(starter):
            refuse_magics(notebook, joined_cells(notebook, starter, numbers[0]))
    except (StudentFault, GraderFault) as fault:
        return ParsedSubmission(submission, sha256, changed_cells=changed, ending=ending, fault=fault)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is ours, and the batch goes on
        ours = GraderFault(f"{type(error).__name__}: {error}")
        ours.__cause__ = error
        return ParsedSubmission(submission, sha256, changed_cells=changed, ending=ending, fault=ours)
    cells = [{key: cell[key] for key in _KEPT if key in cell} for cell in notebook["cells"]]
    return ParsedSubmission(
        submission, sha256, slot, slot_key(slot), text_digest(slot), changed_cells=changed, cells=cells, numbers=numbers,
        python=python_version(notebook),
    )  # fmt: skip
