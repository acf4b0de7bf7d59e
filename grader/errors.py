"""Assign each failure to whoever caused it: three kinds of exception that never mix.

    Exception
    +-- UsageError      the caller of a command asked for something impossible      exit code 2
    +-- StudentFault    the submission is at fault: a verdict with a reason         0 points
    +-- GraderFault     the grader is at fault: never points, retried, reported to the instructor
        +-- ScorerFault     the author's score.py is: held for the organiser instead of retried

A `GraderFault` is not a `StudentFault` and neither derives from the other, so no `except` branch can turn a
bug of the grader into somebody's zero.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_LISTED = 12  # names in an error


class Verdict(StrEnum):
    """How a submission ended."""

    SCORED = "scored"
    INVALID_NOTEBOOK = "invalid_notebook"
    INVALID_FILE = "invalid_file"
    SLOT_MISSING = "slot_missing"
    SLOT_ERROR = "slot_error"
    INVALID_OUTPUT = "invalid_output"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    SLOT_CRASHED = "slot_crashed"
    GRADER_ERROR = "grader_error"


@dataclass(frozen=True)
class Explanation:
    """What a verdict means: one sentence, and a paragraph of help for the student."""

    sentence: str
    help: str


EXPLANATIONS: dict[Verdict, Explanation] = {
    Verdict.SCORED: Explanation(
        "Your function ran to the end and its model was scored.",
        "The points come from what was measured on hidden data, averaged over all repeats.",
    ),
    Verdict.INVALID_NOTEBOOK: Explanation(
        "The file is not a readable notebook.",
        "Open it in Jupyter, save it again as .ipynb and hand in that file. "
        "If it is very large, clear its outputs first.",
    ),
    Verdict.INVALID_FILE: Explanation(
        "The file is not a readable file of predictions.",
        "Hand in the file that the task names, as the notebook writes it: the right format, UTF-8 text, not too large. "
        "Arrays are saved without pickle.",
    ),
    Verdict.SLOT_MISSING: Explanation(
        "The cell with your solution is missing or ambiguous.",
        "Write your solution in the slot of the starter notebook: one code cell that defines "
        "the function of the task. Delete copies of that cell.",
    ),
    Verdict.SLOT_ERROR: Explanation(
        "Your code raised an exception.",
        "The traceback shows your own lines. Only the slot and the imports cell before it are run: "
        "move helpers from other cells into the slot.",
    ),
    Verdict.INVALID_OUTPUT: Explanation(
        "Your function returned something, or your file holds something, that the task does not allow.",
        "Compare the type, the shape and the range of your return value with the contract at the top of the slot, "
        "or the columns and rows of your file with the statement.",
    ),
    Verdict.TIME_LIMIT: Explanation(
        "The run took longer than the time limit.",
        "Look for endless loops, and for work that you can do once instead of in every call.",
    ),
    Verdict.MEMORY_LIMIT: Explanation(
        "Your code exceeded the memory limit.",
        "Look for lists that grow with every call, and for arrays much larger than your arguments.",
    ),
    Verdict.OUTPUT_LIMIT: Explanation(
        "Your code printed or wrote more than the limit.",
        "Remove prints from code that runs in every call, and do not write large files.",
    ),
    Verdict.SLOT_CRASHED: Explanation(
        "The process of your function ended, or did something that is not allowed.",
        "Exits, signals, new processes and system calls that numeric code does not need end the run.",
    ),
    Verdict.GRADER_ERROR: Explanation(
        "The grader failed; this says nothing about your solution.",
        "You have no score yet. The failure was reported to your instructor, who can grade the submission again.",
    ),
}


# Of a file of predictions: nothing of the student's was called.
FILE_EXPLANATIONS: dict[Verdict, Explanation] = {
    Verdict.SCORED: Explanation(
        "Your file was read, and its predictions were scored.",
        "The points come from what was measured on hidden answers.",
    ),
    Verdict.INVALID_OUTPUT: Explanation(
        "Your file holds something that the task does not allow.",
        "Compare its columns and rows with the statement.",
    ),
}


def explanation_of(verdict: Verdict, *, of_files: bool) -> Explanation:
    """Return what a verdict means, in a task of files or in another one: in those nothing of the student's is called."""
    usual = EXPLANATIONS[verdict]
    return FILE_EXPLANATIONS.get(verdict, usual) if of_files else usual


def nearest(name: str, known: Collection[str]) -> str:
    """Return the question whether the nearest of the `known` was meant by `name`; "" where none is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def instead(name: str, known: Collection[str]) -> str:
    """Return the end of an error about an unknown `name`: the nearest of the `known`, or the first of them."""
    if question := nearest(name, known):
        return question
    first = sorted(known)
    more = f" and {len(first) - _LISTED} more" if len(first) > _LISTED else ""
    return f"there are: {', '.join(first[:_LISTED])}{more}" if first else "there are: none"


class UsageError(Exception):
    """The caller's command or file cannot work; the message is one line that says what to do."""


class StudentFault(Exception):  # noqa: N818 -- named after whose fault it is
    """The submission is at fault.

    `verdict` is never SCORED or GRADER_ERROR; `message` is a sentence for the student; `traceback` holds
    their own frames where there are any.
    """

    def __init__(self, verdict: Verdict, message: str, *, traceback: str = "") -> None:
        if verdict in (Verdict.SCORED, Verdict.GRADER_ERROR):
            raise ValueError(f"{verdict} is not a fault of a student")
        super().__init__(message)
        self.verdict = verdict
        self.message = message
        self.traceback = traceback


class GraderFault(Exception):  # noqa: N818 -- named after whose fault it is
    """The grader failed: no score may follow from it."""


class ScorerFault(GraderFault):
    """The task's own score.py failed: the predictions are kept, and `rescore` measures them when it is mended."""
