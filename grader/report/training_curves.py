"""Read the training history that a notebook's own cells save beside the predictions, and turn it into curves.

The `history.json` of a repeat holds one axis and series over it, null where a step has no value:

    {"x": {"name": "epoch", "values": [1, 2, 3]}, "series": {"mean loss": [0.71, 0.52, null]}}

The trainer's notebook is trusted, but a file may be damaged: one that is not valid gives no curves, and never an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from grader.report.charts import Curve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_BYTES = 256 << 10
MAX_SERIES = 12
MAX_STEPS = 2000
MIN_STEPS = 2  # of a line
MAX_VALUE = 1e12  # of either sign

_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Number = Annotated[FiniteFloat, Field(ge=-MAX_VALUE, le=MAX_VALUE)]
_Steps = Annotated[tuple[_Number, ...], Field(min_length=MIN_STEPS, max_length=MAX_STEPS)]
_Values = Annotated[tuple[_Number | None, ...], Field(max_length=MAX_STEPS)]


class _Table(BaseModel):
    """A table of `history.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Axis(_Table):
    """The steps of a training: what is counted, and the number of each step, rising."""

    name: _Name
    values: _Steps

    @model_validator(mode="after")
    def _rising(self) -> Axis:
        if list(self.values) != sorted(set(self.values)):
            raise ValueError("the steps must rise")
        return self


class History(_Table):
    """The contents of `history.json`: a value, or None, of each series at each step of `x`."""

    x: Axis
    series: Annotated[dict[_Name, _Values], Field(max_length=MAX_SERIES)]

    @model_validator(mode="after")
    def _complete(self) -> History:
        if any(len(values) != len(self.x.values) for values in self.series.values()):
            raise ValueError("each series must have one value for each step")
        return self

    def line(self, name: str) -> list[tuple[float, float]]:
        """Return the (step, value) pairs of a series, without the steps that have no value."""
        values = self.series.get(name, ())
        return [
            (step, value) for step, value in zip(self.x.values, values, strict=False) if value is not None
        ]


def read_history(path: Path) -> History | None:
    """Return the history that a repeat saved; None where there is none, or the file is not valid."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        return History.model_validate_json(data) if len(data) <= MAX_BYTES else None
    except (OSError, ValidationError):
        return None


def curves(histories: Sequence[History]) -> list[Curve]:
    """Return a curve for each series that every history has, with a line for each of them, in the order of the first."""
    if not histories:
        return []
    first, axes = histories[0], {history.x.name for history in histories}
    lines = {name: [history.line(name) for history in histories] for name in first.series}
    return [
        Curve(name, first.x.name, lines_of_name)
        for name, lines_of_name in lines.items()
        if len(axes) == 1 and all(len(line) >= MIN_STEPS for line in lines_of_name)
    ]
