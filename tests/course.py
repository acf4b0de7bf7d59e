"""A small course for tests of the exports: a gradebook with one of everything, made without grading anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recorded import result_named

from grader.errors import Verdict
from grader.gradebook.gradebook import Key, SubmissionRecord, writing
from grader.gradebook.result import Metrics
from grader.submissions.roster import Person, Roster

if TYPE_CHECKING:
    from pathlib import Path

    from grader.gradebook.result import Result

ADA = Person("1001", "Ada Lovelace", "ada@uni.example", "A")
GRACE = Person("1002", "Grace Hopper", "grace@uni.example", "A")
ALAN = Person("1003", "Alan Turing", "alan@uni.example", "B")
MARY = Person("1004", "Mary Jackson", "mary@uni.example", "B")
KATHERINE = Person("1005", "Katherine Johnson", "kath@uni.example", "B")
BOBBY = Person("1006", "=Bobby Tables", "bobby@uni.example", "B")  # handed in nothing
COURSE = Roster([ADA, GRACE, ALAN, MARY, KATHERINE, BOBBY])
EVE = "evemallory_74"  # whom no roster knows
POINTS = {"1001": 85, "1002": 100, "1003": 0, "1004": None, "1005": 33, EVE: 0}
SCORED = "Your function ran to the end and its model was scored."


def scored(student: str, points: int) -> Result:
    """Return a result of three runs."""
    accuracy = 0.5 + points / 250
    runs = [accuracy - 0.01, accuracy, accuracy + 0.01]
    result = replace(result_named(student, Verdict.SCORED, points), message=SCORED, task="noisy")
    return replace(result, metrics=Metrics(accuracy, {"model": accuracy}, runs, 0.01))


def failed(student: str, verdict: Verdict, message: str, traceback: str = "") -> Result:
    """Return a result without balanced accuracy."""
    return replace(result_named(student, verdict), message=message, traceback=traceback, task="noisy")


RESULTS = [
    ("moodle/Ada Lovelace_15_assignsubmission_file/n.ipynb", scored("1001", 85)),
    ("canvas/hoppergrace_72_90001_n.ipynb", scored("1002", 40)),
    ("canvas/hoppergrace_LATE_72_90002_n.ipynb", scored("1002", 100)),
    (
        "canvas/turingalan_73_90003_n.ipynb",
        failed(
            "1003",
            Verdict.SLOT_ERROR,
            "your_f raised TypeError: <class 'str'>, not a number",
            "line 2, in your_f",
        ),
    ),
    ("canvas/jacksonmary_75_90004_n.ipynb", failed("1004", Verdict.GRADER_ERROR, "/home/us: no space left")),
    ("canvas/johnsonkatherine_76_90005_n.ipynb", scored("1005", 33)),
    (
        "canvas/evemallory_74_90006_n.ipynb",
        failed(EVE, Verdict.INVALID_OUTPUT, '=HYPERLINK("http://evil.example"), which is not allowed'),
    ),
]


def graded(out: Path, *, task: str = "noisy") -> Path:
    """Make a gradebook in `out` and return the folder."""
    out.mkdir(parents=True, exist_ok=True)
    with writing(out) as book:
        book.counts(task, "best")
        book.enrol([(one.id, one.name, one.email, one.section) for one in COURSE.people[:-1]])
        run = book.begin_run("grade", {}, {}, {})
        for minute, (path, result) in enumerate(RESULTS):
            entry = SubmissionRecord(
                task,
                result.student,
                path,
                f"digest {minute}",
                f"2026-03-02T10:{minute:02}:00.000+00:00",
                "LATE" in path,
            )
            (identity,) = book.enter([entry])
            book.record(run, identity, replace(result, task=task), Key("context", str(minute)))
    return out
