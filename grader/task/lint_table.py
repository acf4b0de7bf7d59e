"""What an author wants though the linter finds it: the table `[lint]` of task.toml."""

from __future__ import annotations

from pydantic import model_validator

from grader.task.score_table import StrictTable


class LintTable(StrictTable):
    """What `grader lint` finds and the author wants all the same."""

    allow: tuple[str, ...] = ()
    """Names of findings, as `grader lint` prints them."""
    reason: str = ""
    """Why; `grader lint` and `grader pack` print it."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> LintTable:
        if self.allow and not self.reason.strip():
            raise ValueError("lint.allow needs lint.reason, a sentence that says why")
        return self
