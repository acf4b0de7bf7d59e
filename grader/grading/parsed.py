"""Read a submission once, before anything runs: its slot, or the fault that it has instead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.errors import GraderFault, StudentFault
from grader.notebooks.changes import changed_cells
from grader.notebooks.elsewhere import explain_elsewhere, other_cells
from grader.notebooks.program import slot_key, text_digest
from grader.notebooks.reading import python_version, read_notebook, source
from grader.notebooks.slot import refuse_renamed, slot_numbers
from grader.notebooks.slots import join, slot_cells

if TYPE_CHECKING:
    from grader.notebooks.reading import Json
    from grader.submissions.collect import Submission


_KEPT = ("cell_type", "source", "id", "metadata")


@dataclass(frozen=True)
class ParsedSubmission:
    """A submission as everything after intake sees it. Where there is a `fault`, what it kept from being read is empty.

    `slot` is the source of the student's cell, or of all their cells (`slots.join`), `slot_key` the same for the same program
    and `slot_sha256` for the same text. `cells` are those of the notebook without their outputs, of which the slots have the
    `numbers`, from 1. `python` is the version of Python that it ran.
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
    try:
        notebook = read_notebook(data)
        changed = changed_cells(notebook, starter)
        numbers = slot_numbers(notebook, starter)
        refuse_renamed(notebook, numbers, starter)
    except (StudentFault, GraderFault) as fault:
        return ParsedSubmission(submission, sha256, changed_cells=changed, fault=fault)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is ours, and the batch goes on
        ours = GraderFault(f"{type(error).__name__}: {error}")
        ours.__cause__ = error
        return ParsedSubmission(submission, sha256, changed_cells=changed, fault=ours)
    slot = join(slot_cells(starter), [source(notebook["cells"][number - 1]) for number in numbers])
    cells = [{key: cell[key] for key in _KEPT if key in cell} for cell in notebook["cells"]]
    return ParsedSubmission(
        submission, sha256, slot, slot_key(slot), text_digest(slot), changed_cells=changed, cells=cells, numbers=numbers,
        python=python_version(notebook),
    )  # fmt: skip
