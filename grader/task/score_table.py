"""The tables of `task.toml` that say what is measured and how it becomes points: `[metric]`, `[score]`, parts and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from grader.errors import UsageError
from grader.gradebook.metric import Metric
from grader.task.scorers import SCORE_FILE, Scorer, scorer_named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Values = TypeVar("Values", float, "NDArray[np.float64]")


class StrictTable(BaseModel):
    """A table of `task.toml`; what stands below a field describes it on the page docs/configuration.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def known_scorer(key: str) -> Scorer:
    """Return the metric called `key`. Raises ValueError, as validators do, where there is none."""
    try:
        return scorer_named(key)
    except UsageError as error:
        raise ValueError(str(error)) from error


class MetricTable(StrictTable):
    """What a task measures. Without this table it is balanced accuracy."""

    scorer: str = "balanced_accuracy"
    """A metric by name, or "score.py" for the task's own; `[[score.parts]]` name their metrics themselves."""
    name: str = Field(default="", max_length=40)
    """What pages, boards and statements call it; the usual name where nothing is given."""
    short: str = Field(default="", max_length=16)
    """The same, over a narrow column."""
    best: Literal["", "high", "low"] = ""
    """Which end is best; that of a metric by name is known."""
    digits: int | None = Field(default=None, ge=0, le=6)
    """Digits after the point, 0 to 6. Without it there are 3, or 1 where parts give the points."""

    @model_validator(mode="after")
    def _is_known(self) -> MetricTable:
        if self.scorer == SCORE_FILE:
            return self
        scorer = known_scorer(self.scorer)
        if self.best not in ("", scorer.best):
            raise ValueError(f"{scorer.name} is best when {scorer.best}, not {self.best}")
        return self

    def described(self) -> Metric:
        """Return the metric as results record it."""
        digits = 3 if self.digits is None else self.digits
        if self.scorer == SCORE_FILE:
            return Metric(self.name or "score", self.scorer, self.best or "high", digits, self.short)
        scorer = scorer_named(self.scorer)
        short = self.short or ("" if self.name else scorer.short)
        return Metric(self.name or scorer.name, self.scorer, scorer.best, digits, short)


class Bound(StrictTable):
    """A bound on a metric: `at_least` or `at_most`."""

    at_least: FiniteFloat | None = None
    """The metric reaches this number or a higher one."""
    at_most: FiniteFloat | None = None
    """The metric stays at this number or a lower one."""

    @model_validator(mode="after")
    def _has_one_end(self) -> Bound:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give at_least or at_most, one of them")
        return self

    def holds(self, value: float) -> bool:
        """Return whether `value` keeps the bound."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)

    @property
    def sign(self) -> str:
        """The bound as a formula writes it."""
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


class Step(Bound):
    """A step of a part: the points that it gives where the bound holds; the highest step counts."""

    points: float = Field(gt=0, le=100)
    """Points of the step."""


class Need(StrictTable):
    """Something that is measured: a metric, of one array of predictions or of all."""

    metric: str
    """A metric by name, or a key of what `score.py` returns."""
    predictions: str = ""
    """The array of predictions that it measures; all of them, averaged, where nothing is given."""

    @property
    def label(self) -> str:
        """What it measures; also its name in results."""
        return f"{self.metric} of {self.predictions}" if self.predictions else self.metric


class Gate(Need, Bound):
    """A bound that a repeat must keep, or it gets 0 points."""

    @property
    def rule(self) -> str:
        """The rule in words."""
        return f"needs {self.sign}, or the evaluation earns 0"


class Part(Need):
    """A part of the points, with a metric of its own: linear from `floor` to `ceiling`, or in `steps`."""

    points: float = Field(gt=0, le=100)
    """Points of the part; those of all parts sum to 100."""
    floor: FiniteFloat | None = None
    """Value of the metric that gives 0 points; above the ceiling where low is best."""
    ceiling: FiniteFloat | None = None
    """Value of the metric that gives all points of the part."""
    steps: tuple[Step, ...] = ()
    """In place of floor and ceiling: bounds with the points that each gives."""

    @model_validator(mode="after")
    def _has_one_map(self) -> Part:
        linear = self.floor is not None and self.ceiling is not None
        if linear == bool(self.steps) or (self.floor is None) != (self.ceiling is None):
            raise ValueError(f"the part {self.label} needs floor and ceiling, or steps")
        if linear and self.floor == self.ceiling:
            raise ValueError(f"floor and ceiling of the part {self.label} must differ")
        if self.steps and max(step.points for step in self.steps) != self.points:
            raise ValueError(
                f"the highest step of the part {self.label} must give its {self.points:g} points"
            )
        return self

    @property
    def rule(self) -> str:
        """The rule in words: where it gives no points, and where all."""
        if not self.steps:
            return f"0 at {self.floor:g}, {self.points:g} at {self.ceiling:g}"
        return ", ".join(f"{step.points:g} where {step.sign}" for step in self.steps)


def check_direction(part: Part, scorer: Scorer) -> None:
    """Raise ValueError where a part rewards worse values of a metric by name, or ends where it has none."""
    rises = [part.ceiling > part.floor] if part.floor is not None and part.ceiling is not None else []
    rises += [step.at_least is not None for step in part.steps]
    if any(rise != (scorer.best == "high") for rise in rises):
        raise ValueError(
            f"the part {part.label} rewards worse values: {scorer.name} is best when {scorer.best}"
        )
    if any(not scorer.low <= end <= scorer.high for end in (part.floor, part.ceiling) if end is not None):
        raise ValueError(
            f"the ends of the part {part.label} must be values of {scorer.name}, from {scorer.low:g} to {scorer.high:g}"
        )


class Score(StrictTable):
    """The map to points: linear in the metric from `floor` to `ceiling`, or the sum of `[[score.parts]]`."""

    floor: FiniteFloat = 0.0
    """Value of 0 points, and of all that is worse."""
    ceiling: FiniteFloat = 100.0
    """Value of 100 points, and of all that is better; below the floor where low is best."""
    parts: tuple[Part, ...] = ()
    """Parts with metrics of their own, in place of floor and ceiling."""
    gates: tuple[Gate, ...] = ()
    """Bounds that give 0 points in all where one is not kept; only with parts."""

    @model_validator(mode="after")
    def _is_whole(self) -> Score:
        ends = self.model_fields_set & {"floor", "ceiling"}
        if not self.parts:
            if len(ends) < 2:
                raise ValueError("score needs floor and ceiling, or [[score.parts]]")
            if self.floor == self.ceiling:
                raise ValueError("score.floor and score.ceiling must differ")
            if self.gates:
                raise ValueError("[[score.gates]] need [[score.parts]]")
        elif ends and (self.floor, self.ceiling) != (0.0, 100.0):
            raise ValueError("with [[score.parts]] the parts have floor and ceiling, not score")
        labels = [part.label for part in self.parts]
        if len(set(labels)) < len(labels):
            raise ValueError("two parts of the score measure the same")
        if self.parts and abs(sum(part.points for part in self.parts) - 100) > 1e-9:
            raise ValueError("the points of the parts must sum to 100")
        return self

    @property
    def slope(self) -> float:
        """The points for each 1.0 of the metric, without floor and ceiling; negative where low is best."""
        return 100 / (self.ceiling - self.floor)

    def share(self, value: Values) -> Values:
        """Return which share of the way from floor to ceiling each value is, below 0 and beyond 1 as well."""
        return (value - self.floor) / (self.ceiling - self.floor)

    @property
    def measures(self) -> tuple[Need, ...]:
        """All that parts and gates measure, each once."""
        by_label: dict[str, Need] = {need.label: need for need in (*self.parts, *self.gates)}
        return tuple(by_label.values())

    @property
    def sentence(self) -> str:
        """The map in words, without a full stop."""
        if not self.parts:
            return f"0 points at {self.floor:g}, 100 at {self.ceiling:g}, in proportion in between"
        rules = [f"{part.label}: {part.rule}" for part in self.parts]
        rules += [f"{gate.label}: {gate.rule}" for gate in self.gates]
        return f"the points of the parts, which are averaged over the runs and rounded ({', '.join(rules)})"
