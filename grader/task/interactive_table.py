"""The table `[interactive]` of `task.toml`: how many episodes a run plays, and how long one may last."""

from __future__ import annotations

from pydantic import Field

from grader.task.score_table import StrictTable


class InteractiveTable(StrictTable):
    """How long a run of a task of the kind `interactive` plays."""

    episodes: int = Field(default=30, ge=1, le=2000)
    """Games that a run plays, one after the other."""
    steps: int = Field(default=100, ge=1, le=100_000)
    """Actions in one episode, at most. One that is not over then ends with what it earned."""

    def most_calls(self, methods: int) -> int:
        """Return how often a run calls the player at most.

        One that is a function has no `methods`. One that is a class may be made anew for each episode, and called once by each of
        its other methods.
        """
        return self.episodes * (self.steps + methods)
