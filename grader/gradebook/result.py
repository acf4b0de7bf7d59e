"""One frozen value that says how a submission ended, with its JSON and CSV renderings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from grader.errors import Verdict

GROUP = "+"  # in the id of a group, between the members that hand in together


@dataclass(frozen=True)
class Metrics:
    """Raw balanced accuracy in [0, 1]: the mean, and what it was averaged from.

    `per_repeat[r]` is the mean over the models of repeat r; `per_model[name]` the mean over repeats of one
    array of predictions; `spread` the standard deviation over repeats (0.0 for one repeat).
    """

    balanced_accuracy: float
    per_model: dict[str, float]
    per_repeat: list[float]
    spread: float


@dataclass(frozen=True)
class Seconds:
    """Wall seconds of one submission: all of it, the protected cells, the student's calls, and the rest."""

    total: float = 0.0
    train: float = 0.0
    slot_calls: float = 0.0
    overhead: float = 0.0


@dataclass(frozen=True)
class Result:
    """How one submission ended. `points` is None exactly when the verdict is `grader_error`.

    `slot_key` is the same for slots that differ only in comments and white space. `identical_to` names the student
    and the file whose run this was, where a slot was not run again because somebody else had handed in the same.
    `memory_mb` has for each repeat that was run what the student's process took at its peak (`Slot.memory_mb`), None
    where it was not measured; it is empty in records from before it was.
    """

    submission: str
    task: str
    task_version: str
    student: str
    submission_sha256: str
    slot_sha256: str
    verdict: Verdict
    message: str
    points: int | None
    metrics: Metrics | None
    seconds: Seconds
    slot_calls: int
    penalties: list[str]
    changed_cells: list[str]
    device: str
    run_folder: str
    traceback: str = ""
    slot_key: str = ""
    identical_to: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    memory_mb: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        if (self.points is None) != (self.verdict is Verdict.GRADER_ERROR):
            raise ValueError(f"points {self.points} do not go with verdict {self.verdict}")
        if (self.metrics is None) != (self.verdict is not Verdict.SCORED):
            raise ValueError(f"metrics do not go with verdict {self.verdict}")

    @property
    def most_memory_mb(self) -> float | None:
        """What memory the student's process took in the repeat in which it took most; None where it was not measured."""
        return max((taken for taken in self.memory_mb if taken is not None), default=None)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Result:
        """Return the result of which `record` is the JSON. What a later version added is left out."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in record.items() if name in known}
        metrics = record["metrics"]
        return cls(
            **values
            | {
                "verdict": Verdict(record["verdict"]),
                "metrics": metrics and Metrics(**metrics),
                "seconds": Seconds(**record["seconds"]),
            }
        )


def csv_row(record: dict[str, Any], attempt: int, points: int | None, reason: str = "") -> dict[str, Any]:
    """Return one flat row of a result's JSON; a text that a spreadsheet would run as a formula gets a quote.

    `points` are those that count, and `reason` says why they are not the graded ones.
    """
    metrics = record["metrics"] or {"balanced_accuracy": "", "spread": "", "per_repeat": []}
    row = {
        "student": record["student"],
        "attempt": attempt,
        "submission": record["submission"],
        "task": record["task"],
        "task_version": record["task_version"],
        "verdict": record["verdict"],
        "points": "" if points is None else points,
        "balanced_accuracy": metrics["balanced_accuracy"],
        "spread": metrics["spread"] if len(metrics["per_repeat"]) > 1 else "",
        "seconds": record["seconds"]["total"],
        "memory_mb": max((taken for taken in record.get("memory_mb", []) if taken is not None), default=""),
        "penalties": len(record["penalties"]),
        "changed_cells": len(record["changed_cells"]),
        "identical_to": record["identical_to"],
        "message": record["message"],
        "submission_sha256": record["submission_sha256"],
        "graded": "" if record["points"] is None else record["points"],
        "reason": reason,
    }
    return {key: neutralise(value) for key, value in row.items()}


def neutralise(value: Any) -> Any:
    """Return `value`, quoted if it is a text that begins like a spreadsheet formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
