"""The honest slots of `tests/honest`, and what the comments at their top expect of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
SLOTS = sorted((TESTS / "honest").glob("*.py"))


@dataclass(frozen=True)
class Expected:
    """The header of a slot: its verdict or "same", and parts of what is said."""

    ending: str
    says: str
    quick: str
    slow_at_home: bool
    needs_confinement: bool


def expected_of(path: Path) -> Expected:
    """Return the header of a slot."""
    header = dict(
        line.removeprefix("# ").split(": ", 1)
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.startswith(("# expect: ", "# says: ", "# quick: ", "# home: ", "# needs: "))
    )
    return Expected(
        header["expect"],
        header.get("says", ""),
        header.get("quick", ""),
        "home" in header,
        header.get("needs") == "confinement",
    )
