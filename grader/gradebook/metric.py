"""Describe the number that a task measures: what it is called, which end of it is best, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """The number that ranks students. `name` stands within a sentence, `short` over a column.

    `scorer` says what computed it. Two values can only be compared where it is the same.
    """

    name: str
    scorer: str
    best: Literal["high", "low"] = "high"
    digits: int = 3
    short: str = ""

    @property
    def heading(self) -> str:
        """The name over a column of values."""
        return self.short or self.name

    @property
    def title(self) -> str:
        """The name at the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:]

    @property
    def article(self) -> str:
        """The name with its indefinite article, within a sentence."""
        return with_article(self.name)

    def text(self, value: float) -> str:
        """Return a value with the digits of this metric."""
        return f"{value:.{self.digits}f}"

    def merit(self, value: float) -> float:
        """Return a number that is higher for a better value."""
        return value if self.best == "high" else -value


def with_article(name: str) -> str:
    """Return a name behind "a" or "an"; one with capitals at its beginning is read letter by letter, such as MSE or mIoU."""
    is_spelt = any(letter.isupper() for letter in name[:2]) and not name.startswith(_SPOKEN)
    vowels = "aefhilmnorsx" if is_spelt else "aeiou"
    return f"{'an' if name[:1].lower() in vowels else 'a'} {name}"


_SPOKEN = "ROC"  # which is read as a word
BALANCED_ACCURACY = Metric("balanced accuracy", "balanced_accuracy", short="BAC")  # of all older records


def heading_of(metrics: set[Metric]) -> str:
    """Return what stands over a column of values: the name of their metric, or a general word where there are several."""
    headings = {metric.heading for metric in metrics} or {BALANCED_ACCURACY.heading}
    return headings.pop() if len(headings) == 1 else "value"
