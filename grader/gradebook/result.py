"""One frozen value that says how a submission ended, with its JSON and CSV renderings."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from grader.errors import Verdict
from grader.gradebook.metric import BALANCED_ACCURACY, Metric

GROUP = "+"  # in the id of a group, between the members that hand in together


@dataclass(frozen=True)
class Metrics:
    """What was measured, in the unit of `metric`: the mean `value`, and what it was averaged from.

    `per_repeat[r]` is the value of repeat r: the mean over its models, or the points that its parts earn;
    `per_model[name]` the mean over repeats of one array of predictions, or of one part; `spread` the standard deviation over
    repeats (0.0 for one repeat). `measured[name][r]` has every single number, and is empty in older records.
    """

    value: float
    per_model: dict[str, float]
    per_repeat: list[float]
    spread: float
    metric: Metric = BALANCED_ACCURACY
    measured: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, metric: Metric, per_repeat: list[float], repeats: list[dict[str, float]]) -> Metrics:
        """Return the metrics of a run from the value of each repeat and from all that was measured in it, by name."""
        measured = {name: [values[name] for values in repeats] for name in repeats[0]}
        return cls(
            value=statistics.fmean(per_repeat),
            per_model={name: statistics.fmean(values) for name, values in measured.items()},
            per_repeat=per_repeat,
            spread=statistics.stdev(per_repeat) if len(per_repeat) > 1 else 0.0,
            metric=metric,
            measured=measured,
        )

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Metrics:
        """Return the metrics of which `record` is the JSON; older records have a balanced accuracy under its own name."""
        values = _known(cls, record)
        if "value" not in record:
            return cls(value=record["balanced_accuracy"], **values)
        return cls(**values | {"metric": Metric(**_known(Metric, record["metric"]))})

    @property
    def repeats(self) -> list[dict[str, float]]:
        """What was measured in each repeat, by name."""
        rows = zip(*self.measured.values(), strict=True)
        return [dict(zip(self.measured, row, strict=True)) for row in rows]

    @property
    def merit(self) -> float:
        """A number that is higher for a better mean."""
        return self.metric.merit(self.value)

    @property
    def text(self) -> str:
        """The mean with the digits of its metric, and where there are several repeats its spread."""
        spread = f" ± {self.metric.text(self.spread)}" if len(self.per_repeat) > 1 else ""
        return f"{self.metric.text(self.value)}{spread}"


@dataclass(frozen=True)
class Seconds:
    """Wall seconds of one submission: all of it, the protected cells, the student's calls, and the rest.

    `processor` are the processor seconds of trainers and slots, which other work on the machine hardly changes; 0.0 in older
    records, and where nothing ran.
    """

    total: float = 0.0
    train: float = 0.0
    slot_calls: float = 0.0
    overhead: float = 0.0
    processor: float = 0.0


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
    def same_as(self) -> str:
        """Return "the same program as" or "the same file as", and whose result was taken over; nothing where this was graded itself."""
        copied = "program" if self.is_of_program else "file"
        return f"the same {copied} as {self.identical_to}" if self.identical_to else ""

    @property
    def is_of_program(self) -> bool:
        """Return whether a notebook was handed in; of a file of predictions, which is only read, the key is the hash of its bytes."""
        return self.slot_key != self.submission_sha256

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
        metrics = record["metrics"]
        return cls(
            **_known(cls, record)
            | {
                "verdict": Verdict(record["verdict"]),
                "metrics": metrics and Metrics.from_json(metrics),
                "seconds": Seconds(**_known(Seconds, record["seconds"])),
            }
        )


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return what of a record is a field of the dataclass `kind`."""
    return {field.name: record[field.name] for field in fields(kind) if field.name in record}


def csv_row(result: Result, attempt: int, points: int | None, reason: str = "") -> dict[str, Any]:
    """Return one flat row of a result; a text that a spreadsheet would run as a formula gets a quote.

    `points` are those that count, and `reason` says why they are not the graded ones.
    """
    metrics = result.metrics
    row = {
        "student": result.student,
        "attempt": attempt,
        "submission": result.submission,
        "task": result.task,
        "task_version": result.task_version,
        "verdict": result.verdict.value,
        "points": "" if points is None else points,
        "metric": metrics.metric.name if metrics else "",
        "value": metrics.value if metrics else "",
        "spread": metrics.spread if metrics and len(metrics.per_repeat) > 1 else "",
        "seconds": result.seconds.total,
        "memory_mb": "" if result.most_memory_mb is None else result.most_memory_mb,
        "penalties": len(result.penalties),
        "changed_cells": len(result.changed_cells),
        "identical_to": result.identical_to,
        "message": result.message,
        "submission_sha256": result.submission_sha256,
        "graded": "" if result.points is None else result.points,
        "reason": reason,
    }
    return {key: neutralise(value) for key, value in row.items()}


def neutralise(value: Any) -> Any:
    """Return `value`, quoted if it is a text that begins like a spreadsheet formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
